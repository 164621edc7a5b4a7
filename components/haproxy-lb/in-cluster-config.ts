/** Pure text of the in-cluster HAProxy. */
import { POSTGRES, type PostgresInstance } from "../../plan/postgres.ts";
import { databaseSections } from "./database.ts";
import { CONNECTIONS, UNACKNOWLEDGED } from "./limits.ts";
import { defaults, section } from "./text.ts";

export interface InClusterConfig {
  readonly members: readonly Pick<PostgresInstance, "name" | "serviceIp">[];
  /** Says that this pod answers, whatever is behind it. */
  readonly healthPort: number;
}

export function renderInClusterConfig({ members, healthPort }: InClusterConfig): string {
  const { postgres, replica, rest } = POSTGRES.ports;
  const front = (port: number) => [`bind :${port} ${UNACKNOWLEDGED}`];
  return [
    section("global", [
      "log stdout format raw local0 info",
      `maxconn ${2 * CONNECTIONS.database + CONNECTIONS.own}`,
      "ssl-default-server-options ssl-min-ver TLSv1.2",
    ]),
    defaults({ connectTimeoutSeconds: 1, idleTimeoutSeconds: 3600 }),
    ...databaseSections({
      servers: members.map(({ name, serviceIp }) => ({
        name,
        address: `${serviceIp}:${postgres}`,
        restPort: rest,
      })),
      caFile: "/etc/haproxy/postgres-ca.pem",
      primary: front(postgres),
      replica: front(replica),
    }),
    section("frontend health", [
      "mode http",
      "option httplog",
      `bind :${healthPort}`,
      `maxconn ${CONNECTIONS.own}`,
      "timeout client 10s",
      "timeout http-request 5s",
      "monitor-uri /healthz",
    ]),
  ].join("\n");
}
