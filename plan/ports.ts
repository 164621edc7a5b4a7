/**
 * Every port a node listens on, and who may reach it. The Hetzner firewall, the host firewall, etcd's
 * configuration and the docs read this table.
 *
 * - `admin`: the configured admin CIDRs, on the public side
 * - `node`: the private addresses of the nodes of this cluster
 * - `host`: the node itself only
 */
export const PORTS = {
  ssh: { port: 22, protocol: "tcp", from: ["admin"], why: "configuration and on-call" },
  etcdClient: { port: 2379, protocol: "tcp", from: ["node"], why: "K3s and Patroni talk to etcd" },
  etcdPeer: { port: 2380, protocol: "tcp", from: ["node"], why: "etcd replicates between members" },
  etcdMetrics: { port: 2381, protocol: "tcp", from: ["node"], why: "metrics and health of etcd" },
} as const satisfies Record<string, PortRule>;

export type PortSource = "admin" | "node" | "host";

export interface PortRule {
  readonly port: number;
  readonly protocol: "tcp" | "udp";
  readonly from: readonly PortSource[];
  readonly why: string;
}

/** Rules that a source may use, in the table's order. */
export function portsFrom(source: PortSource): readonly PortRule[] {
  return Object.values<PortRule>(PORTS).filter((rule) => rule.from.includes(source));
}

/**
 * Ports of a node that no pod may reach, neither its own node's nor another's. Patroni's pods get 2379 from an
 * egress rule at the source, so it is not listed.
 */
export const PORTS_CLOSED_TO_PODS: readonly number[] = [PORTS.ssh.port, PORTS.etcdPeer.port];

/** Hetzner's metadata service. It shows the user-data to whoever asks, so pods must not. */
export const METADATA_ADDRESS = "169.254.169.254";
