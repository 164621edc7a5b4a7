/**
 * Kubernetes and Postgres in use: Postgres grows from one member to three, what changes of configuration cost, a lost server, the loss of
 * all data. `make test-changes`.
 */
import "./kubernetes/as-it-grows.ts";
import "./kubernetes/as-it-changes.ts";
import "./kubernetes/as-data-is-lost.ts";
import { initial } from "./kubernetes/stack.ts";

initial.apps = false;
initial.instances = 1;
