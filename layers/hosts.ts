/** The first layer: servers, what every host has, and etcd. */
import { EtcdCluster } from "../components/etcd-cluster/index.ts";
import { HetznerNodes } from "../components/hetzner-nodes/index.ts";
import { OsBaseline, type OsBaselineArgs } from "../components/host/index.ts";
import type { NodePlan, Plan } from "../plan/plan.ts";

export interface HostsInput extends Pick<OsBaselineArgs, "authorizedKeys" | "apt"> {
  readonly plan: Plan;
}

/** Project and stack, on everything at Hetzner. */
export const labelsOf = ({ identity }: Plan) => ({ project: identity.project, stack: identity.stack });

/** Who may come in on the public side. */
export const publicAccess = (plan: Plan) => ({
  adminCidrs: plan.adminCidrs,
  databaseCidrs: plan.profile === "full" ? plan.postgres.allowedCidrs : [],
  openToWorld: plan.entry.kind !== "load-balancer",
});

/** The load balancer's address on the private network, where there is one. */
export const balancerAddress = ({ entry }: Plan) =>
  entry.kind === "load-balancer" ? { loadBalancerIp: entry.privateIp } : {};

export function createHosts({ plan, authorizedKeys, apt }: HostsInput) {
  const access = publicAccess(plan);
  const nodes = new HetznerNodes("nodes", {
    prefix: plan.prefix,
    labels: labelsOf(plan),
    nodes: plan.nodes,
    image: plan.image,
    network: plan.network,
    access,
    protect: plan.protect,
  });
  const baseline = new OsBaseline("baseline", {
    hosts: nodes.hosts,
    deployKey: nodes.deployKey,
    authorizedKeys,
    ...(apt && { apt }),
    firewall: {
      ...access,
      ...balancerAddress(plan),
      nodeIps: plan.nodeIps,
      podCidr: plan.network.podCidr,
    },
  });
  /** Nodes as something to configure, by key. */
  const hosts = (which: readonly NodePlan[]) =>
    Object.fromEntries(which.map(({ key, privateIp }) => [key, { ...baseline.host(key), ip: privateIp }]));
  const etcd = new EtcdCluster("etcd", {
    members: hosts(plan.servers),
    settings: plan.etcd,
    clusterToken: plan.prefix,
  });
  return { nodes, etcd, hosts };
}

export type Hosts = ReturnType<typeof createHosts>;
