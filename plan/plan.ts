/**
 * The plan: everything that follows from the settings by thinking alone. Components read the plan; nothing
 * below this line looks at configuration again.
 */
import type { Settings } from "../config/schema.ts";
import { cidrRange, nthAddress } from "../lib/cidr.ts";
import { quantityBytes } from "../lib/quantity.ts";
import { kubernetesVersion } from "../lib/version.ts";
import type { Artifact, Images, Manifest } from "./artifacts.ts";
import { planTls, type TlsPlan } from "./certificates.ts";
import { LOCATIONS, type Location, type NetworkZone } from "./locations.ts";
import { poolerReplicas } from "./pooler.ts";
import { type PostgresBackends, type PostgresPlan, planPostgres, postgresBackends } from "./postgres.ts";
import { SERVER_MEMORY_GIB } from "./server-types.ts";
import { planServices, type ServicePlan } from "./services.ts";
import { planSupabase, type SupabasePlan } from "./supabase.ts";
import { type EtcdTimers, etcdTimers } from "./timers.ts";

/** Project and stack, as Pulumi names them. */
export interface StackIdentity {
  readonly project: string;
  readonly stack: string;
}

export interface NodePlan {
  /** Identity within the stack: `n1`. */
  readonly key: string;
  /** Hetzner's server name and the host name: `gardenos-prod-n1`. */
  readonly serverName: string;
  readonly role: "server" | "agent";
  readonly location: Location;
  readonly serverType: string;
  readonly privateIp: string;
  readonly labels: Readonly<Record<string, string>>;
  /** Labels of the Kubernetes node. */
  readonly nodeLabels: Readonly<Record<string, string>>;
}

export interface NetworkPlan {
  readonly cidr: string;
  readonly subnetCidr: string;
  readonly zone: NetworkZone;
  readonly podCidr: string;
  readonly serviceCidr: string;
  /** First address of the network; Hetzner routes everything private through it. */
  readonly gateway: string;
}

export interface EtcdPlan extends EtcdTimers {
  readonly artifact: Artifact;
  readonly quotaBytes: number;
  /** Empty: a new cluster is never made over a lost one. */
  readonly allowNewCluster: string;
}

export interface K3sPlan {
  readonly artifact: Artifact;
  /** Archive of images for nodes that reach no registry. */
  readonly images: Artifact | null;
  /** `1.36.5`, as nodes report it (with a `v` and K3s's own suffix). */
  readonly kubernetesVersion: string;
  readonly cis: boolean;
  readonly podCidr: string;
  readonly serviceCidr: string;
  /** Address of the Service `kubernetes`: the first of `serviceCidr`. */
  readonly apiServiceIp: string;
  /** Address of the cluster's DNS: the tenth of `serviceCidr`, as K3s has it. */
  readonly dnsIp: string;
}

/** How clients outside find the nodes. */
export interface EntryPlan {
  readonly kind: Settings["entry"]["kind"];
  /** Where the load balancer is: with the first node. */
  readonly location: Location;
  readonly loadBalancerType: string;
  /** The load balancer's private address; the only one whose PROXY header is believed. */
  readonly privateIp: string;
  readonly dns?: DnsPlan;
}

export interface DnsPlan {
  readonly zone: string;
  readonly createZone: boolean;
  /** Record names, relative to the zone. */
  readonly apiName: string;
  readonly ingressName: string;
  readonly ttlSeconds: number;
}

export interface Plan {
  readonly identity: StackIdentity;
  /** Prefix of every physical name: `gardenos-prod`. */
  readonly prefix: string;
  readonly nodes: Readonly<Record<string, NodePlan>>;
  /** Nodes with role server, by key: control plane and etcd, in roll order. */
  readonly servers: readonly NodePlan[];
  /** Private addresses of all nodes, in order of their keys. */
  readonly nodeIps: readonly string[];
  /** Those of the nodes with role server. */
  readonly serverIps: readonly string[];
  readonly image: string;
  readonly network: NetworkPlan;
  readonly adminCidrs: readonly string[];
  readonly protect: boolean;
  readonly etcd: EtcdPlan;
  /** How far this stack is built. */
  readonly profile: Settings["profile"];
  readonly k3s: K3sPlan;
  readonly haproxy: Settings["haproxy"];
  readonly entry: EntryPlan;
  readonly ingress: Settings["ingress"];
  /** Undefined in a stack that ends before the ingress. */
  readonly ingressBackends:
    | { /** The controller says when it is about to stop. */ readonly ping: boolean }
    | undefined;
  readonly images: Images;
  readonly postgres: PostgresPlan;
  /** What HAProxy of the nodes leads database clients to. */
  readonly postgresBackends: PostgresBackends;
  readonly pgbouncer: Settings["pgbouncer"] & { readonly replicas: number };
  /** FastAPI services by name. */
  readonly services: Readonly<Record<string, ServicePlan>>;
  readonly supabase: SupabasePlan;
  readonly ai: Settings["ai"];
  /** Of everything that the ingress serves. */
  readonly domain: string | undefined;
  readonly tls: TlsPlan;
}

/** Names carry project and stack, so that two stacks share a Hetzner project without meeting. */
export function serverName(identity: StackIdentity, key: string): string {
  return `${identity.project}-${identity.stack}-${key}`;
}

function planNode(identity: StackIdentity, settings: Settings, key: string): NodePlan[] {
  const node = settings.nodes[key];
  if (!node) return [];
  return [
    {
      key,
      serverName: serverName(identity, key),
      role: node.role,
      location: node.location,
      serverType: node.serverType ?? settings.serverType,
      privateIp: node.privateIp,
      labels: node.labels,
      nodeLabels: node.nodeLabels,
    },
  ];
}

/** Expects checked settings: see checks.ts. */
export function makePlan(identity: StackIdentity, settings: Settings, manifest: Manifest): Plan {
  const nodes = Object.keys(settings.nodes)
    .sort()
    .flatMap((key) => planNode(identity, settings, key));
  const servers = nodes.filter((node) => node.role === "server");
  const { cidr, subnetCidr, podCidr, serviceCidr } = settings.network;
  const postgres = planPostgres(identity, settings, servers);
  return {
    identity,
    prefix: `${identity.project}-${identity.stack}`,
    nodes: Object.fromEntries(nodes.map((node) => [node.key, node])),
    servers,
    nodeIps: nodes.map((node) => node.privateIp),
    serverIps: servers.map((node) => node.privateIp),
    image: settings.image,
    network: {
      cidr,
      subnetCidr,
      podCidr,
      serviceCidr,
      zone: LOCATIONS[nodes[0]?.location ?? "fsn1"].zone,
      gateway: nthAddress(cidr, 1),
    },
    adminCidrs: settings.adminCidrs,
    protect: settings.protect,
    etcd: {
      artifact: manifest.etcd,
      quotaBytes: quantityBytes(settings.etcd.quota),
      ...etcdTimers(settings),
      allowNewCluster: settings.etcd.allowNewCluster ?? "",
    },
    profile: settings.profile,
    k3s: planK3s(settings, manifest),
    haproxy: settings.haproxy,
    entry: planEntry(settings, nodes[0]?.location ?? "fsn1"),
    ingress: settings.ingress,
    ingressBackends: settings.profile === "full" ? { ping: settings.ingress.class === "traefik" } : undefined,
    images: manifest.images,
    postgres,
    postgresBackends: postgresBackends(postgres),
    pgbouncer: { ...settings.pgbouncer, replicas: poolerReplicas(settings) },
    services: planServices(settings),
    supabase: planSupabase(settings),
    ai: settings.ai,
    domain: settings.domain,
    tls: planTls(settings),
  };
}

function planK3s({ k3s, network, environment }: Settings, manifest: Manifest): K3sPlan {
  return {
    artifact: manifest.k3s,
    images: manifest.k3sImages,
    kubernetesVersion: kubernetesVersion(manifest.k3s.version),
    cis: k3s.cis ?? environment === "prod",
    podCidr: network.podCidr,
    serviceCidr: network.serviceCidr,
    apiServiceIp: nthAddress(network.serviceCidr, 1),
    dnsIp: nthAddress(network.serviceCidr, 10),
  };
}

/** The load balancer's private address: configured, or the fifth of the subnet, which leaves room for nodes. */
export function entryPrivateIp({ entry, network }: Pick<Settings, "entry" | "network">): string {
  return entry.privateIp ?? nthAddress(network.subnetCidr, 5);
}

function planEntry(settings: Settings, location: Location): EntryPlan {
  const { kind, loadBalancerType, zone, createZone, apiName, ingressName, ttlSeconds } = settings.entry;
  return {
    kind,
    location,
    loadBalancerType,
    privateIp: entryPrivateIp(settings),
    ...(kind === "dns" && zone && { dns: { zone, createZone, apiName, ingressName, ttlSeconds } }),
  };
}

/** Addresses of a subnet that no node may have: network, broadcast, and the network's gateway. */
export function reservedAddresses(cidr: string, subnetCidr: string): readonly number[] {
  const subnet = cidrRange(subnetCidr);
  return [subnet.first, subnet.last, cidrRange(cidr).first + 1];
}

/** Choices that are allowed but cost something, as sentences for the person who runs `up`. */
export function planWarnings(plan: Plan): readonly string[] {
  const members = plan.servers.length;
  const single = `etcd has ${members} member: losing its node loses the cluster. Use 3 for anything but trying out.`;
  const given = (what: string) =>
    `${what}.allowNewCluster is set. It is a one-time permission: remove it after this run.`;
  const left =
    plan.profile !== "full" &&
    Object.keys(plan.services).length + Object.keys(plan.supabase.services).length > 0;
  const without = `gardenos:profile is ${plan.profile}: services and Supabase of the settings are left out.`;
  const types = [...new Set(Object.values(plan.nodes).map(({ serverType }) => serverType))]
    .filter((type) => !Object.hasOwn(SERVER_MEMORY_GIB, type))
    .join(", ");
  const unknown = `The memory of ${types} is not known here: nobody has checked whether all pods fit when a node is lost.`;
  return [
    ...(types !== "" && plan.profile !== "hosts" ? [unknown] : []),
    ...(left ? [without] : []),
    ...(members < 3 ? [single] : []),
    ...(plan.etcd.allowNewCluster ? [given("etcd")] : []),
    ...(plan.postgres.allowNewCluster ? [given("postgres")] : []),
  ];
}
