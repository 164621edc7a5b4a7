/** The second layer: K3s on the servers, HAProxy before it on every node, the way in from outside, and the ground in it. */
import { Entry } from "../components/entry/index.ts";
import { HaproxyLb } from "../components/haproxy-lb/index.ts";
import { K3sControlPlane } from "../components/k3s-control-plane/index.ts";
import { createProvider } from "../components/kubernetes/index.ts";
import { PostgresAuthority } from "../components/patroni-cluster/index.ts";
import { Platform } from "../components/platform/index.ts";
import type { Plan } from "../plan/plan.ts";
import { balancerAddress, type Hosts, labelsOf, publicAccess } from "./hosts.ts";

/** Addresses that network policies name. */
export const policyAddresses = (plan: Plan) => ({
  nodeIps: plan.nodeIps,
  apiServerIps: plan.serverIps,
  podCidr: plan.network.podCidr,
});

function createEntry(plan: Plan, { nodes }: Hosts): Entry {
  const targets = Object.keys(plan.nodes).map((key) => [
    key,
    { ...nodes.node(key), attachment: nodes.host(key).attachment },
  ]);
  return new Entry("entry", {
    prefix: plan.prefix,
    labels: labelsOf(plan),
    plan: plan.entry,
    nodes: Object.fromEntries(targets),
    subnetId: nodes.subnet.id,
    protect: plan.protect,
  });
}

function createControlPlane(plan: Plan, { etcd, hosts }: Hosts, entry: Entry): K3sControlPlane {
  const nodes = Object.values(plan.nodes);
  return new K3sControlPlane("k3s", {
    servers: hosts(plan.servers),
    nodeLabels: Object.fromEntries(nodes.map(({ key, nodeLabels }) => [key, nodeLabels])),
    settings: plan.k3s,
    clusterName: plan.prefix,
    sans: [plan.prefix, entry.apiHost],
    etcd: { endpoints: etcd.endpoints, caPem: etcd.caPem, client: etcd.clients.k3s, ready: etcd.ready },
  });
}

export function createKubernetes(plan: Plan, hosts: Hosts) {
  const entry = createEntry(plan, hosts);
  const k3s = createControlPlane(plan, hosts, entry);
  // HAProxy of the nodes checks Postgres by it, so it comes before both.
  const postgresAuthority =
    plan.profile === "full"
      ? new PostgresAuthority("postgres-authority", { nodeIps: plan.nodeIps })
      : undefined;
  const haproxy = new HaproxyLb("haproxy", {
    nodes: hosts.hosts(Object.values(plan.nodes)),
    servers: plan.servers.map(({ key }) => key),
    access: { ...publicAccess(plan), ...balancerAddress(plan), podCidr: plan.network.podCidr },
    settings: plan.haproxy,
    ingress: plan.ingressBackends,
    ...(postgresAuthority && { postgres: { ...plan.postgresBackends, caPem: postgresAuthority.caPem } }),
    pki: k3s.haproxyPki(plan.nodeIps),
  });
  const access = k3s.grantAccess(entry.apiHost);
  const provider = createProvider(access.programKubeconfig, plan.prefix);
  const platform = new Platform(
    "platform",
    {
      profile: plan.profile === "full" ? "full" : "kubernetes",
      kubernetesVersion: plan.k3s.kubernetesVersion,
      network: policyAddresses(plan),
      ingress: plan.ingress,
      supabase: Object.keys(plan.supabase.services).length > 0,
      tls: plan.tls.mode,
      images: plan.images,
      entry: { kind: plan.entry.kind === "dns" ? "hostname" : "ip", value: entry.apiHost },
      after: [...k3s.ready, ...haproxy.ready],
    },
    { providers: [provider] },
  );
  return { k3s, haproxy, entry, access, provider, platform, postgresAuthority };
}

export type Kubernetes = ReturnType<typeof createKubernetes>;
