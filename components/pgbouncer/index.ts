export { Pgbouncer } from "./pgbouncer.ts";
