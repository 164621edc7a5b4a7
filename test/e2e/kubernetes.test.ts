/** A lab with Kubernetes: as `make up` leaves it, then as its nodes fail, then as its configuration changes. */
import "./kubernetes/as-made.ts";
import "./kubernetes/as-nodes-fail.ts";
import "./kubernetes/as-it-changes.ts";
