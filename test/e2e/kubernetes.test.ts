/** A lab with Kubernetes: as `make up` leaves it, where its secrets are, then without its applications, as its nodes fail, then as its configuration changes. */
import "./kubernetes/as-made.ts";
import "./kubernetes/services.ts";
import "./kubernetes/supabase.ts";
import "./kubernetes/no-secret-leaks.ts";
import "./kubernetes/as-apps-leave.ts";
import "./kubernetes/as-nodes-fail.ts";
import "./kubernetes/as-it-changes.ts";
