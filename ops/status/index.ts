/**
 * `status`: one look at nodes, etcd, Kubernetes, HAProxy and Postgres. The lab and production share it; they differ in how they
 * reach a node and in what they can say of a machine.
 */
export {
  etcdLeaderOf,
  isBackendHealthy,
  isDiskFull,
  isHealthy,
  POSTGRES_BACKENDS,
  postgresTroubles,
} from "./health.ts";
export { readStatus } from "./read.ts";
export { renderStatus } from "./render.ts";
export type { PostgresStatus, Status, StatusSource } from "./types.ts";
