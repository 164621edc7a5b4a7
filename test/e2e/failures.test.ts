/**
 * Kubernetes and Postgres, and no application that would cost the faults their time: Postgres grows from one member to three, then
 * who is let in, every fault, changes of configuration, a lost server, and the loss of all data.
 */
import "./kubernetes/as-it-grows.ts";
import "./kubernetes/postgres.ts";
import "./kubernetes/as-nodes-fail.ts";
import "./kubernetes/as-postgres-fails.ts";
import "./kubernetes/as-it-changes.ts";
import "./kubernetes/as-data-is-lost.ts";
