/** The program: settings → plan → components → exports. Nothing is decided here; everything is wired here. */
import * as pulumi from "@pulumi/pulumi";
import { EtcdCluster, type EtcdMemberArgs } from "./components/etcd-cluster/index.ts";
import { HetznerNodes } from "./components/hetzner-nodes/index.ts";
import { OsBaseline } from "./components/host/index.ts";
import { K3sControlPlane } from "./components/k3s-control-plane/index.ts";
import { load } from "./config/load.ts";
import { toExports } from "./exports.ts";

const { plan, authorizedKeys, apt, warnings } = load();
for (const warning of warnings) pulumi.log.warn(warning);

const openToWorld = plan.entry.kind !== "load-balancer";
const access = { adminCidrs: plan.adminCidrs, openToWorld };

const hetzner = new HetznerNodes("nodes", {
  prefix: plan.prefix,
  labels: { project: plan.identity.project, stack: plan.identity.stack },
  nodes: plan.nodes,
  image: plan.image,
  network: plan.network,
  access,
  protect: plan.protect,
});

const baseline = new OsBaseline("baseline", {
  hosts: hetzner.hosts,
  deployKey: hetzner.deployKey,
  authorizedKeys,
  ...(apt && { apt }),
  firewall: {
    ...access,
    ...(!openToWorld && { loadBalancerIp: plan.entry.privateIp }),
    nodeIps: Object.values(plan.nodes).map((node) => node.privateIp),
    podCidr: plan.network.podCidr,
  },
});

const member = ({ key, privateIp }: { key: string; privateIp: string }): EtcdMemberArgs => ({
  ...baseline.host(key),
  ip: privateIp,
});

const etcdCluster = new EtcdCluster("etcd", {
  members: Object.fromEntries(plan.servers.map((node) => [node.key, member(node)])),
  settings: plan.etcd,
  clusterToken: plan.prefix,
});

const kubernetes = plan.profile === "hosts" ? undefined : buildKubernetes();

/** K3s on the servers, HAProxy before it, and a way in from outside. */
function buildKubernetes() {
  const k3s = new K3sControlPlane("k3s", {
    servers: Object.fromEntries(
      plan.servers.map((node) => [
        node.key,
        {
          host: baseline.host(node.key).host,
          ip: node.privateIp,
          labels: node.nodeLabels,
          after: etcdCluster.ready,
        },
      ]),
    ),
    settings: plan.k3s,
    clusterName: plan.prefix,
    sans: [plan.prefix],
    etcd: { endpoints: etcdCluster.endpoints, caPem: etcdCluster.caPem, client: etcdCluster.clients.k3s },
  });
  return { k3s };
}

export const { contract, project, stack, nodes, etcd, versions } = toExports(plan, hetzner, etcdCluster);
