/**
 * The configuration of a stack: every key of the `gardenos` namespace. `Pulumi.yaml` declares them (but for `apt`) with
 * the same defaults (tested). Secrets are not here: they are separate secret keys, see secrets.ts.
 *
 * A check's message says what is wanted. Descriptions, defaults and wants end up in docs/config.md (`make docs`).
 */
import { z } from "zod";
import { isIpv4 } from "../lib/cidr.ts";
import { isQuantity, type Quantity } from "../lib/quantity.ts";
import { isK3sVersion, isVersion } from "../lib/version.ts";
import { LOCATION_NAMES } from "../plan/locations.ts";
import { VERSIONS } from "../plan/versions.ts";
import { aiSchema, serviceSchema, tlsSchema } from "./services.ts";
import { supabaseSchema } from "./supabase.ts";
import {
  cidr,
  count,
  databaseName,
  dnsName,
  domainName,
  fields,
  filled,
  httpUrl,
  matching,
  memory,
  seconds,
  text,
} from "./values.ts";

const serverType = matching("a Hetzner server type such as cx33", (v) => /^[a-z]{2,4}\d{2,3}$/.test(v));
const publicKeyOrFile = matching(
  "an OpenSSH public key (`ssh-ed25519 AAAA… name`) or the path of a .pub file",
  (v) => /^(ssh-(ed25519|rsa)|ecdsa-sha2-nistp\d+|sk-\S+) \S+/.test(v) || v.endsWith(".pub"),
);
const label = matching("a label value of at most 63 letters, digits, '-', '_' or '.'", (v) =>
  /^([A-Za-z0-9]([A-Za-z0-9_.-]{0,61}[A-Za-z0-9])?)?$/.test(v),
);

const labelName = matching(
  "a label name such as workload or example.org/workload, outside kubernetes.io and k8s.io",
  (v) =>
    /^([a-z0-9]([a-z0-9.-]{0,251}[a-z0-9])?\/)?[A-Za-z0-9]([A-Za-z0-9_.-]{0,61}[A-Za-z0-9])?$/.test(v) &&
    !/(^|\.)(kubernetes|k8s)\.io\//.test(v),
);

/** One node. The key in `nodes` is its identity: server name, etcd member name, Kubernetes node name. */
export const nodeSchema = fields({
  location: z
    .enum(LOCATION_NAMES, { error: `a Hetzner location: ${LOCATION_NAMES.join(", ")}` })
    .describe("Where the server is created. Only used then."),
  role: z
    .enum(["server", "agent"], { error: "server or agent" })
    .default("server")
    .describe("server: control plane, etcd and workloads. agent is for later releases."),
  privateIp: matching("an IPv4 address of the subnet, such as 10.0.1.11", isIpv4).describe(
    "Fixed address on the private network.",
  ),
  serverType: serverType.optional().describe("Overrides gardenos:serverType for this node."),
  labels: z
    .record(z.string(), label, { error: "a map of label names to values" })
    .default({})
    .describe("Labels of the Hetzner server, beside project, stack and node."),
  nodeLabels: z
    .record(labelName, label, { error: "a map of label names to values" })
    .default({})
    .describe("Labels of the Kubernetes node. May change at any time; nothing restarts."),
});

const network = (example: string) =>
  cidr(`an IPv4 network with zero host bits, such as ${example}`).default(example);

const networkSchema = fields({
  cidr: network("10.0.0.0/16").describe("The private network."),
  subnetCidr: network("10.0.1.0/24").describe("The part of it that nodes have addresses in."),
  podCidr: network("10.42.0.0/16").describe("Kubernetes pods. Fixed once the cluster exists."),
  serviceCidr: network("10.43.0.0/16").describe("Kubernetes services. Fixed once the cluster exists."),
});

const sshSchema = fields({
  authorizedKeys: z
    .record(z.string(), publicKeyOrFile, { error: "a map of names to public keys" })
    .default({})
    .describe("People and machines that may log in as root, by name."),
});

const milliseconds = (min: number, max: number) => {
  const want = `a whole number of milliseconds from ${min} to ${max}`;
  return z.int({ error: want }).min(min, want).max(max, want);
};

const etcdSchema = fields({
  version: matching("a version such as 3.6.16", isVersion)
    .default(VERSIONS.etcd)
    .describe("Release on the nodes; the manifest must offer it. A change rolls the members."),
  quota: z
    .custom<Quantity>((v) => typeof v === "string" && isQuantity(v), {
      error: "a size such as 4Gi or 512Mi",
    })
    .default("4Gi")
    .describe("Size of the database at which etcd refuses writes, 256Mi to 8Gi. A change rolls the members."),
  heartbeatMs: milliseconds(10, 10_000)
    .optional()
    .describe(
      "Interval of the leader's heartbeats. Without it the topology decides. A change rolls the members.",
    ),
  electionMs: milliseconds(100, 50_000)
    .optional()
    .describe("Silence before an election, at least five heartbeats. Without it the topology decides."),
  allowNewCluster: text("the word that the guard's message names")
    .optional()
    .describe("One-time word that gives up the data of a lost cluster. The guard's message names it."),
});

const k3sSchema = fields({
  version: matching("a K3s release such as v1.36.5+k3s1", isK3sVersion)
    .default(VERSIONS.k3s)
    .describe("Release on the nodes; the manifest must offer it. A change rolls the nodes, one at a time."),
  cis: z
    .boolean({ error: "true or false" })
    .optional()
    .describe("CIS hardening of API server and kubelet. Without it: on in prod. A change rolls the nodes."),
});

const haproxySchema = fields({
  connectTimeoutSeconds: seconds(1, 30)
    .default(1)
    .describe("How long a connection to a backend may take to open before the next one is tried."),
  idleTimeoutSeconds: seconds(60, 86_400)
    .default(3600)
    .describe(
      "Silence after which an API or ingress connection is closed; watches and exec sessions are long.",
    ),
  hardStopSeconds: seconds(60, 86_400)
    .default(1800)
    .describe("How long connections of before a reload may live on."),
});

const entrySchema = fields({
  kind: z
    .enum(["load-balancer", "dns", "none"], { error: "load-balancer, dns or none" })
    .default("load-balancer")
    .describe(
      "How clients outside find the nodes: a Hetzner load balancer, DNS records with every node, or nothing.",
    ),
  loadBalancerType: matching("a Hetzner load balancer type such as lb11", (v) => /^lb\d{2}$/.test(v))
    .default("lb11")
    .describe("Type of the load balancer."),
  privateIp: matching("an IPv4 address of the subnet, such as 10.0.1.5", isIpv4)
    .optional()
    .describe("The load balancer's private address. Without it the fifth of the subnet."),
  zone: dnsName("a DNS zone such as example.org")
    .optional()
    .describe("kind dns: zone at Hetzner DNS that the records go to."),
  createZone: z
    .boolean({ error: "true or false" })
    .default(false)
    .describe("kind dns: make the zone, too. It must be delegated to Hetzner's name servers by hand."),
  apiName: dnsName("a record name such as k8s")
    .default("k8s")
    .describe("kind dns: name of the Kubernetes API."),
  ingressName: matching("a record name such as * or apps", (v) => v === "*" || /^[a-z0-9.*-]+$/.test(v))
    .default("*")
    .describe("kind dns: name of everything behind the ingress."),
  ttlSeconds: seconds(60, 86_400).default(60).describe("kind dns: life time of the records in caches."),
});

const ingressSchema = fields({
  class: z
    .enum(["traefik", "none"], {
      error: "traefik, or none to bring another controller (ingress-nginx is retired since March 2026)",
    })
    .default("traefik")
    .describe("Ingress controller that the program ships, and the default IngressClass."),
  memory: memory("128Mi")
    .default("128Mi")
    .describe("Memory request and limit of each of the controller's pods, one a node."),
  httpsOnly: z
    .boolean({ error: "true or false" })
    .default(true)
    .describe("Plain HTTP is sent to HTTPS, and browsers are told to come by HTTPS for a year (HSTS)."),
  requestsPerSecond: count(0, 1_000_000)
    .default(100)
    .describe("Of one client address, on average, at each node; twice as many at once. 0: no limit."),
});

const databaseSchema = fields({
  extensions: z
    .array(z.string({ error: "an extension's name" }), { error: "a list such as [vector, pg_trgm]" })
    .default([])
    .describe("Extensions made in it, of those in the image. One that is taken out of the list stays."),
  rotation: count(0, 1_000_000)
    .default(0)
    .describe(
      "How often the passwords of its roles were rotated: one more gives out new ones, and those of before work until the next time.",
    ),
});

const postgresSchema = fields({
  instances: count(1, 5)
    .optional()
    .describe(
      "Members of the cluster, at most one a server. Without it one on each of the first three servers.",
    ),
  allowedCidrs: z
    .array(cidr("an IPv4 network such as 203.0.113.0/24"), { error: "a list of IPv4 networks" })
    .default([])
    .describe("Networks outside that may reach the database through HAProxy of the nodes, by TLS."),
  databases: z
    .record(databaseName, databaseSchema, { error: "a map of database names to their settings" })
    .default({ app: { extensions: [], rotation: 0 } })
    .describe(
      "Databases by name, each with `extensions` (of those in plan/postgres-parameters.ts), `rotation` of its passwords, and the roles NAME_owner, NAME_rw and NAME_ro. None is ever dropped.",
    ),
  memory: memory("1Gi")
    .default("1Gi")
    .describe("Memory request and limit of each member; buffers follow from it. A change rolls the members."),
  maxConnections: count(50, 2000)
    .default(200)
    .describe("Connections of a member, poolers' and Supabase's together. A change rolls the members."),
  parameters: z
    .record(
      z.string(),
      z.union([z.string(), z.number(), z.boolean()], { error: "a text, a number, true or false" }),
      { error: "a map of Postgres parameters to values" },
    )
    .default({})
    .describe("Postgres parameters beside those that the program sets. Some roll the members."),
  synchronousMode: z
    .boolean({ error: "true or false" })
    .optional()
    .describe(
      "A commit waits for a standby, so that a failover loses nothing. Without it: on with two instances or more.",
    ),
  ttlSeconds: seconds(20, 120)
    .default(20)
    .describe("Life time of the leader's lock: what the loss of a node costs, at most some seconds more."),
  loopWaitSeconds: seconds(1, 30).default(3).describe("Time between two looks of Patroni."),
  retryTimeoutSeconds: seconds(3, 30)
    .default(5)
    .describe("How long Patroni goes on trying to reach etcd or Postgres before it gives the lock up."),
  scope: matching("a name of lower-case letters, digits and '-'", (v) =>
    /^[a-z]([a-z0-9-]{0,61}[a-z0-9])?$/.test(v),
  )
    .optional()
    .describe(
      "Patroni's name of the cluster. Without it project and stack. Can't change while the cluster lives.",
    ),
  allowNewCluster: text("the word that the guard's message names")
    .optional()
    .describe("One-time word that gives up the data of a lost cluster. The guard's message names it."),
});

const pgbouncerSchema = fields({
  replicas: count(1, 9)
    .optional()
    .describe("Pods, each on a node of its own. One a node, three at most, when left out."),
  poolSize: count(1, 500)
    .default(15)
    .describe("Server connections of a pod for each of its pools; a database has two, NAME and NAME_ro."),
  maxClientConnections: count(10, 10_000).default(1000).describe("Client connections of a pod."),
  memory: memory("64Mi").default("64Mi").describe("Memory request and limit of each pod."),
});

const artifactsSchema = fields({
  manifest: matching("the path of a .json file", (v) => v.endsWith(".json"))
    .default("artifacts/upstream.json")
    .describe("File with version, url and sha256 per artifact, relative to the repository."),
});

const aptSchema = fields({
  uri: httpUrl("an http or https address").describe("Where the repository is."),
  suite: filled("a suite such as trixie").describe("Suite of the repository."),
  components: z
    .array(z.string(), { error: "a list such as [main]" })
    .min(1, "at least one component")
    .describe("Components of the suite."),
  keyFile: filled("the path of an armoured key file").describe(
    "Armoured OpenPGP key that signs the source: a file, relative to the repository.",
  ),
});

const labSchema = fields({
  artifacts: z
    .enum(["built", "upstream"], { error: "built or upstream" })
    .default("built")
    .describe("built: from package registries. upstream: etcd from production's own URL, the rest built."),
});

/** How far a stack is built, from little to everything. */
export const PROFILES = ["hosts", "kubernetes", "full"] as const;
export type Profile = (typeof PROFILES)[number];

/** Top-level keys, each parsed on its own so that one mistake doesn't hide the next. */
export const SCHEMA = {
  environment: z.enum(["dev", "prod"], { error: "dev or prod" }).default("dev"),
  profile: z.enum(["hosts", "kubernetes", "full"], { error: "hosts, kubernetes or full" }).default("full"),
  topology: z
    .enum(["single-zone", "eu-spread", "multi-zone"], { error: "single-zone, eu-spread or multi-zone" })
    .default("single-zone"),
  nodes: z.record(z.string(), nodeSchema, { error: "a map of node names to nodes" }),
  serverType: serverType.default("cx33"),
  image: filled("a Hetzner image name such as debian-13").default(VERSIONS.image),
  network: networkSchema.prefault({}),
  adminCidrs: z
    .array(cidr("an IPv4 network such as 203.0.113.10/32"), { error: "a list of IPv4 networks" })
    .default([]),
  ssh: sshSchema.prefault({}),
  etcd: etcdSchema.prefault({}),
  k3s: k3sSchema.prefault({}),
  haproxy: haproxySchema.prefault({}),
  entry: entrySchema.prefault({}),
  ingress: ingressSchema.prefault({}),
  postgres: postgresSchema.prefault({}),
  pgbouncer: pgbouncerSchema.prefault({}),
  domain: domainName("a domain of two names or more, such as apps.example.org")
    .optional()
    .describe("Domain of everything that the ingress serves: a service's host is a name below it."),
  tls: tlsSchema.prefault({}),
  services: z
    .record(
      matching("a service name such as api", (v) => /^[a-z]([a-z0-9-]{0,38}[a-z0-9])?$/.test(v)),
      serviceSchema,
      { error: "a map of service names to services" },
    )
    .default({}),
  ai: aiSchema.prefault({}),
  supabase: supabaseSchema.prefault({}),
  artifacts: artifactsSchema.prefault({}),
  apt: aptSchema.optional().describe("Package source of the nodes. Without it the image's own is used."),
  protect: z.boolean({ error: "true or false" }).default(true),
  lab: labSchema.prefault({}),
} as const;

export type SettingKey = keyof typeof SCHEMA;

/** The whole configuration after defaults. */
export type Settings = { readonly [K in SettingKey]: z.output<(typeof SCHEMA)[K]> };
