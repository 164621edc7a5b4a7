/** What the cloud remembers, in the API's own names. Everything that can be derived is left out. */
import { z } from "zod";

const named = {
  id: z.int(),
  name: z.string(),
  labels: z.record(z.string(), z.string()),
  created: z.string(),
};

const subnet = z.object({
  type: z.string(),
  ip_range: z.string(),
  network_zone: z.string(),
  gateway: z.string(),
});

const rule = z.object({
  direction: z.literal("in"),
  protocol: z.enum(["tcp", "udp", "icmp", "esp", "gre"]),
  port: z.string().nullable(),
  source_ips: z.array(z.string()),
  description: z.string().nullable(),
});

const server = z.object({
  ...named,
  /** The last state asked for or passed through; the hypervisor knows whether a machine still runs. */
  status: z.enum([
    "initializing",
    "starting",
    "running",
    "stopping",
    "off",
    "deleting",
    "rebuilding",
    "migrating",
  ]),
  /** Names and ids of the catalog. */
  server_type: z.string(),
  image: z.int(),
  location: z.string(),
  /** Never shown; a rebuild needs it. */
  user_data: z.string(),
  /** Public keys as they were at creation. */
  ssh_keys: z.array(z.string()),
  public_ip: z.string(),
  firewalls: z.array(z.int()),
  private_net: z.array(z.object({ network: z.int(), ip: z.string(), mac_address: z.string() })),
  placement_group: z.int().nullable(),
  protection: z.object({ delete: z.boolean(), rebuild: z.boolean() }),
  primary_disk_size: z.int(),
});

const healthCheck = z.object({
  protocol: z.enum(["tcp", "http"]),
  port: z.int(),
  interval: z.int(),
  timeout: z.int(),
  retries: z.int(),
  /** Null for tcp. */
  http: z
    .object({
      domain: z.string(),
      path: z.string(),
      response: z.string(),
      status_codes: z.array(z.string()),
      tls: z.boolean(),
    })
    .nullable(),
});

const loadBalancer = z.object({
  ...named,
  /** Names of the catalog. */
  load_balancer_type: z.string(),
  location: z.string(),
  public_ip: z.string(),
  public_interface: z.boolean(),
  /** One at most. */
  private_net: z.array(z.object({ network: z.int(), ip: z.string() })),
  algorithm: z.object({ type: z.enum(["round_robin", "least_connections"]) }),
  services: z.array(
    z.object({
      protocol: z.literal("tcp"),
      listen_port: z.int(),
      destination_port: z.int(),
      proxyprotocol: z.boolean(),
      health_check: healthCheck,
    }),
  ),
  targets: z.array(z.object({ server: z.int(), use_private_ip: z.boolean() })),
  protection: z.object({ delete: z.boolean() }),
});

const rrset = z.object({
  /** `@` for the zone itself. */
  name: z.string(),
  type: z.string(),
  /** Null: the zone's. */
  ttl: z.int().nullable(),
  labels: z.record(z.string(), z.string()),
  protection: z.object({ change: z.boolean() }),
  records: z.array(z.object({ value: z.string(), comment: z.string() })),
});

const zone = z.object({
  ...named,
  mode: z.literal("primary"),
  ttl: z.int(),
  protection: z.object({ delete: z.boolean() }),
  rrsets: z.array(rrset),
});

const action = z.object({
  id: z.int(),
  command: z.string(),
  status: z.enum(["running", "success", "error"]),
  progress: z.int(),
  started: z.string(),
  finished: z.string().nullable(),
  resources: z.array(z.object({ id: z.int(), type: z.string() })),
  error: z.object({ code: z.string(), message: z.string() }).nullable(),
});

/** The whole file. */
export const records = z.object({
  next_id: z.int(),
  ssh_keys: z.array(z.object({ ...named, fingerprint: z.string(), public_key: z.string() })),
  networks: z.array(
    z.object({
      ...named,
      ip_range: z.string(),
      subnets: z.array(subnet),
      protection: z.object({ delete: z.boolean() }),
      expose_routes_to_vswitch: z.boolean(),
    }),
  ),
  firewalls: z.array(z.object({ ...named, rules: z.array(rule) })),
  placement_groups: z.array(z.object({ ...named, type: z.literal("spread") })),
  servers: z.array(server),
  /** Files of earlier versions have none. */
  load_balancers: z.array(loadBalancer).default([]),
  zones: z.array(zone).default([]),
  actions: z.array(action),
});

/** All records. */
export type Records = z.infer<typeof records>;
export type NetworkRecord = Records["networks"][number];
export type FirewallRecord = Records["firewalls"][number];
export type PlacementGroupRecord = Records["placement_groups"][number];
export type ServerRecord = z.infer<typeof server>;
export type LoadBalancerRecord = z.infer<typeof loadBalancer>;
export type ZoneRecord = z.infer<typeof zone>;
export type RrsetRecord = z.infer<typeof rrset>;
export type ActionRecord = z.infer<typeof action>;

/** The collections whose members have names, and what one of each is called. */
export const SINGULAR = {
  ssh_keys: "ssh_key",
  networks: "network",
  firewalls: "firewall",
  placement_groups: "placement_group",
  servers: "server",
  load_balancers: "load_balancer",
  zones: "zone",
} as const;

export type Collection = keyof typeof SINGULAR;
