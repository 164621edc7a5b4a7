/**
 * Ways to Postgres: one to the primary, one to the replicas. Patroni itself says which member is which, so a way follows the
 * leader without anybody writing endpoints (patroni.readthedocs.io, "REST API").
 */
import { POSTGRES } from "../../plan/postgres.ts";
import { CHECK, UNACKNOWLEDGED } from "./limits.ts";
import { section } from "./text.ts";

interface DatabaseServer {
  /** Name in the backend. */
  readonly name: string;
  /** `address:port` of Postgres. */
  readonly address: string;
  /** Port of Patroni's REST API at the same address. */
  readonly restPort: number;
}

export type DatabaseServers = readonly DatabaseServer[];

export interface DatabaseWays {
  readonly servers: DatabaseServers;
  /** Authority of the members' certificates. */
  readonly caFile: string;
  /** Lines of the fronts: where they listen, and for whom. */
  readonly primary: readonly string[];
  readonly replica: readonly string[];
}

/** A replica that is further behind serves nobody. */
const LAG = "16MB";

/** Connections of poolers and listeners are idle for hours; dead ones are found by keep-alives. */
const IDLE = "24h";

/**
 * A server that has lost the lock loses its clients at once, or they would go on talking to a read-only member.
 */
function backend(name: string, check: string, { servers, caFile }: DatabaseWays): string {
  return section(`backend ${name}`, [
    "balance leastconn",
    `timeout server ${IDLE}`,
    "option httpchk",
    `http-check send meth GET uri ${check} ver HTTP/1.1 hdr Host patroni`,
    "http-check expect status 200",
    `default-server ${CHECK.database} on-marked-down shutdown-sessions ${UNACKNOWLEDGED}`,
    `default-server check-ssl verify required ca-file ${caFile} check-sni ${POSTGRES.primary} verifyhost ${POSTGRES.primary}`,
    ...servers.map((server) => `server ${server.name} ${server.address} port ${server.restPort}`),
  ]);
}

const front = (name: string, lines: readonly string[]): string =>
  section(`frontend ${name}`, [...lines, `timeout client ${IDLE}`, `default_backend ${name}`]);

/** Fronts and backends `postgres-primary` and `postgres-replica`. */
export function databaseSections(ways: DatabaseWays): readonly string[] {
  return [
    front(POSTGRES.primary, ways.primary),
    backend(POSTGRES.primary, "/primary", ways),
    front(POSTGRES.replica, ways.replica),
    backend(POSTGRES.replica, `/replica?lag=${LAG}`, ways),
  ];
}
