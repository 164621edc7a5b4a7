/**
 * Every port a node listens on, and who may reach it. The Hetzner firewall, the host firewall, the configuration of
 * etcd, K3s and HAProxy, and the docs read this table.
 *
 * - `world`: everybody, on the public side
 * - `admin`: the configured admin CIDRs, on the public side
 * - `lb`: the load balancer's address on the private network
 * - `node`: the private addresses of the nodes of this cluster
 * - `pod`: pods of the same node; those of other nodes arrive with their node's address
 * - `postgres`: the configured networks of database clients, on the public side
 */
export const PORTS = {
  ssh: { port: 22, protocol: "tcp", from: ["admin"], why: "configuration and on-call" },
  http: { port: 80, protocol: "tcp", from: ["world", "lb", "node"], why: "HAProxy: ingress" },
  https: { port: 443, protocol: "tcp", from: ["world", "lb", "node"], why: "HAProxy: ingress" },
  etcdClient: { port: 2379, protocol: "tcp", from: ["node", "pod"], why: "K3s and Patroni talk to etcd" },
  etcdPeer: { port: 2380, protocol: "tcp", from: ["node"], why: "etcd replicates between members" },
  etcdMetrics: { port: 2381, protocol: "tcp", from: ["node"], why: "metrics and health of etcd" },
  postgresPrimary: {
    port: 5432,
    protocol: "tcp",
    from: ["postgres", "node"],
    why: "HAProxy: Postgres, the primary",
  },
  postgresReplica: {
    port: 5433,
    protocol: "tcp",
    from: ["postgres", "node"],
    why: "HAProxy: Postgres, the replicas",
  },
  kubernetesApi: {
    port: 6443,
    protocol: "tcp",
    from: ["admin", "lb", "node", "pod"],
    why: "HAProxy: Kubernetes API of all nodes",
  },
  k3s: { port: 6445, protocol: "tcp", from: ["node", "pod"], why: "K3s: Kubernetes API of this node" },
  haproxyStats: {
    port: 8404,
    protocol: "tcp",
    from: ["node", "pod"],
    why: "HAProxy: statistics and metrics",
  },
  haproxyMonitor: {
    port: 8405,
    protocol: "tcp",
    from: ["lb", "node"],
    why: "HAProxy: health, for the load balancer",
  },
  vxlan: { port: 8472, protocol: "udp", from: ["node"], why: "flannel: pods of different nodes" },
  kubelet: { port: 10250, protocol: "tcp", from: ["node", "pod"], why: "kubelet: logs, exec, metrics" },
} as const satisfies Record<string, PortRule>;

export type PortSource = "world" | "admin" | "lb" | "node" | "pod" | "postgres";

export interface PortRule {
  readonly port: number;
  readonly protocol: "tcp" | "udp";
  readonly from: readonly PortSource[];
  readonly why: string;
}

/**
 * Host ports of the ingress controller's pods. Packets to them are translated before any input rule sees them, so
 * they are no rows of the table above; HAProxy is the only one meant to use them.
 */
export const INGRESS_HOST_PORTS = { http: 8080, https: 8443 } as const;

/**
 * Node ports of the Postgres members: instance i has its own two, and HAProxy of the nodes goes there. Like the host ports above
 * they are translated before any input rule sees them.
 */
export const POSTGRES_NODE_PORTS = { postgres: 30540, rest: 30580, instances: 5 } as const;

/** Rules that a source may use, in the table's order. */
export function portsFrom(source: PortSource): readonly PortRule[] {
  return Object.values<PortRule>(PORTS).filter((rule) => rule.from.includes(source));
}

/**
 * Ports of a node that no pod may reach, neither its own node's nor another's. Patroni's pods get 2379 from an
 * egress rule at the source, so it is not listed. Pods reach Postgres by its Services, never by the nodes. A pod of another node would come to the ingress controller with
 * its node's address, and its PROXY header would be believed.
 */
export const PORTS_CLOSED_TO_PODS: readonly (number | string)[] = [
  PORTS.ssh.port,
  PORTS.etcdPeer.port,
  PORTS.postgresPrimary.port,
  PORTS.postgresReplica.port,
  ...Object.values(INGRESS_HOST_PORTS),
  ...[POSTGRES_NODE_PORTS.postgres, POSTGRES_NODE_PORTS.rest].map(
    (first) => `${first}-${first + POSTGRES_NODE_PORTS.instances - 1}`,
  ),
];

/** Hetzner's metadata service. It shows the user-data to whoever asks, so pods must not. */
export const METADATA_ADDRESS = "169.254.169.254";
