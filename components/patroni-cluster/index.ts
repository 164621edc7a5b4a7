export { PostgresAuthority } from "./authority.ts";
export { PatroniCluster } from "./patroni-cluster.ts";
export { roleName } from "./sql.ts";
