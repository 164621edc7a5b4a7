/**
 * Kubernetes and Postgres, and no application that would cost the faults their time: who is let in, what a member without etcd does, and
 * every fault.
 */
import "./kubernetes/postgres.ts";
import "./kubernetes/as-nodes-fail.ts";
import "./kubernetes/as-postgres-fails.ts";
import { initial } from "./kubernetes/stack.ts";

initial.apps = false;
