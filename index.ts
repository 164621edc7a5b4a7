/** The program: settings → plan → components → exports. Nothing is decided here; everything is wired here. */
import * as pulumi from "@pulumi/pulumi";
import { Entry } from "./components/entry/index.ts";
import { EtcdCluster } from "./components/etcd-cluster/index.ts";
import { HaproxyLb } from "./components/haproxy-lb/index.ts";
import { HetznerNodes } from "./components/hetzner-nodes/index.ts";
import { OsBaseline } from "./components/host/index.ts";
import { K3sControlPlane } from "./components/k3s-control-plane/index.ts";
import { createProvider } from "./components/kubernetes/index.ts";
import { Platform } from "./components/platform/index.ts";
import { load } from "./config/load.ts";
import { toExports } from "./exports.ts";

const { plan, authorizedKeys, apt, warnings } = load();
for (const warning of warnings) pulumi.log.warn(warning);

const labels = { project: plan.identity.project, stack: plan.identity.stack };
const access = { adminCidrs: plan.adminCidrs, openToWorld: plan.entry.kind !== "load-balancer" };
const loadBalancer = plan.entry.kind === "load-balancer" && { loadBalancerIp: plan.entry.privateIp };

const hetzner = new HetznerNodes("nodes", {
  prefix: plan.prefix,
  labels,
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
    ...loadBalancer,
    nodeIps: plan.nodeIps,
    podCidr: plan.network.podCidr,
  },
});

/** The nodes as something to configure, by key. */
const hosts = (nodes: typeof plan.servers) =>
  Object.fromEntries(nodes.map(({ key, privateIp }) => [key, { ...baseline.host(key), ip: privateIp }]));

const etcdCluster = new EtcdCluster("etcd", {
  members: hosts(plan.servers),
  settings: plan.etcd,
  clusterToken: plan.prefix,
});

/** K3s on the servers, HAProxy before it on every node, and the way in from outside. */
function createKubernetes() {
  const nodes = Object.values(plan.nodes);
  const entry = new Entry("entry", {
    prefix: plan.prefix,
    labels,
    plan: plan.entry,
    nodes: Object.fromEntries(
      nodes.map(({ key }) => [key, { ...hetzner.node(key), attachment: hetzner.host(key).attachment }]),
    ),
    subnetId: hetzner.subnet.id,
    protect: plan.protect,
  });
  const k3s = new K3sControlPlane("k3s", {
    servers: hosts(plan.servers),
    nodeLabels: Object.fromEntries(nodes.map(({ key, nodeLabels }) => [key, nodeLabels])),
    settings: plan.k3s,
    clusterName: plan.prefix,
    sans: [plan.prefix, entry.apiHost],
    etcd: {
      endpoints: etcdCluster.endpoints,
      caPem: etcdCluster.caPem,
      client: etcdCluster.clients.k3s,
      ready: etcdCluster.ready,
    },
  });
  const haproxy = new HaproxyLb("haproxy", {
    nodes: hosts(nodes),
    servers: plan.servers.map(({ key }) => key),
    access: { ...access, ...loadBalancer, podCidr: plan.network.podCidr },
    settings: plan.haproxy,
    ingress: plan.ingressBackends,
    pki: k3s.haproxyPki(plan.nodeIps),
  });
  return { k3s, haproxy, entry, access: k3s.grantAccess(entry.apiHost) };
}

const kubernetesStack = plan.profile === "hosts" ? undefined : createKubernetes();
if (kubernetesStack && plan.profile !== "hosts") {
  const { k3s, haproxy, entry, access } = kubernetesStack;
  const args = {
    profile: plan.profile,
    kubernetesVersion: plan.k3s.kubernetesVersion,
    network: { nodeIps: plan.nodeIps, apiServerIps: plan.serverIps, podCidr: plan.network.podCidr },
    ingress: plan.ingress,
    images: plan.images,
    entry: { kind: plan.entry.kind === "dns" ? "hostname" : "ip", value: entry.apiHost },
    after: [...k3s.ready, ...haproxy.ready],
  } as const;
  new Platform("platform", args, { providers: [createProvider(access.programKubeconfig, plan.prefix)] });
}

export const { contract, project, stack, nodes, etcd, kubernetes, entry, haproxy, versions } = toExports(
  plan,
  {
    nodes: hetzner,
    etcd: etcdCluster,
    kubernetes: kubernetesStack,
  },
);
