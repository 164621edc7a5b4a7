/** Postgres: one member that becomes three, then who is let in, then every fault, then the loss of all data. */
import "./kubernetes/as-it-grows.ts";
import "./kubernetes/postgres.ts";
import "./kubernetes/as-postgres-fails.ts";
import "./kubernetes/as-data-is-lost.ts";
