/** A stack of three members in use: what changes of configuration cost, a lost server, the loss of all data. `make test-changes`. */
import "./kubernetes/as-it-changes.ts";
import "./kubernetes/as-data-is-lost.ts";
