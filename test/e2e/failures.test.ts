/**
 * Kubernetes and Postgres, and no application that would cost the faults their time: Postgres grows from one member to three, then
 * who is let in, and every fault.
 */
import "./kubernetes/as-it-grows.ts";
import "./kubernetes/postgres.ts";
import "./kubernetes/as-nodes-fail.ts";
import "./kubernetes/as-postgres-fails.ts";
