/** Request bodies, checked before anything is done. Unknown keys are ignored, as Hetzner does. */
import { isIPv4, isIPv6 } from "node:net";
import { z } from "zod";
import { isCidr, isIpv4, isPrivate, prefixLength } from "../../lib/cidr.ts";
import { LOCATIONS } from "../../plan/locations.ts";

const USER_DATA_MAX = 32 * 1024;
/** An optional prefix with a slash, then at most 63 letters, digits, `-`, `_` and `.` between alphanumerics. */
const LABEL_KEY = /^([a-z0-9]([a-z0-9.-]{0,251}[a-z0-9])?\/)?[A-Za-z0-9]([\w.-]{0,61}[A-Za-z0-9])?$/;
const LABEL_VALUE = /^([A-Za-z0-9]([\w.-]{0,61}[A-Za-z0-9])?)?$/;
const HOST_NAME =
  /^(?=.{1,253}$)[A-Za-z0-9]([A-Za-z0-9-]{0,61}[A-Za-z0-9])?(\.[A-Za-z0-9]([A-Za-z0-9-]{0,61}[A-Za-z0-9])?)*$/;

export const name = z.string().trim().min(1).max(128);
const hostName = z.string().regex(HOST_NAME, "must be a valid hostname");
export const id = z.int().positive();
export const idOrName = z.union([id, z.string().min(1)]);
export const labels = z
  .record(
    z.string().regex(LABEL_KEY, "is no valid label key"),
    z.string().regex(LABEL_VALUE, "is no valid label value"),
  )
  .nullish();
/** Go clients send null for what is not set. */
export const list = <T extends z.ZodType>(item: T) =>
  z
    .array(item)
    .nullish()
    .transform((items) => items ?? []);
const never = (reason: string) => z.null({ error: reason }).optional();

export const cidr = z
  .string()
  .refine(isCidr, "must be an IPv4 range with zero host bits, such as 10.0.1.0/24");
export const address = z.string().refine(isIpv4, "must be an IPv4 address");
const anyCidr = z.string().refine(isAnyCidr, "must be a range in CIDR notation");
const ports = z
  .string()
  .regex(/^(any|\d{1,5}(-\d{1,5})?)$/, "must be a port, a range such as 80-85, or 'any'");
const zones = [...new Set(Object.values(LOCATIONS).map(({ zone }) => zone))];

export const nothing = z.object({});
/** PUT of anything that has a name. */
export const rename = z.object({ name: name.optional(), labels });
export const renameServer = z.object({ name: hostName.optional(), labels });

export const createSshKey = z.object({ name, labels, public_key: z.string().trim().min(1) });

const subnet = z.object({
  type: z.enum(["cloud", "server"], "the lab has cloud subnets only"),
  ip_range: cidr.refine((range) => prefixLength(range) <= 30, "must be a /30 or larger"),
  network_zone: z.enum(zones),
});
export type SubnetInput = z.infer<typeof subnet>;
export const addSubnet = subnet;
export const deleteSubnet = z.object({ ip_range: cidr });

export const createNetwork = z.object({
  name,
  labels,
  ip_range: cidr
    .refine(isPrivate, "must lie in 10.0.0.0/8, 172.16.0.0/12 or 192.168.0.0/16")
    .refine((range) => prefixLength(range) <= 24, "must be a /24 or larger"),
  subnets: list(subnet),
  routes: z.array(z.unknown()).max(0, "the lab has no routes").nullish(),
  expose_routes_to_vswitch: z.boolean().default(false),
});
export const updateNetwork = rename.extend({ expose_routes_to_vswitch: z.boolean().optional() });
export const protectNetwork = z.object({ delete: z.boolean() });

const rule = z
  .object({
    direction: z.literal("in", "the lab filters what comes in, not what goes out"),
    protocol: z.enum(["tcp", "udp", "icmp", "esp", "gre"]),
    port: ports.nullish().transform((port) => port ?? null),
    source_ips: z.array(anyCidr).min(1),
    description: z
      .string()
      .max(255)
      .nullish()
      .transform((text) => text ?? null),
  })
  .superRefine(({ protocol, port }, context) => {
    const needsPort = protocol === "tcp" || protocol === "udp";
    if (needsPort === (port !== null)) return;
    const message = needsPort ? `is required for ${protocol}` : `is not allowed for ${protocol}`;
    context.addIssue({ code: "custom", path: ["port"], message });
  });
const resource = z.object({
  type: z.literal("server", "the lab applies firewalls to servers, not to label selectors"),
  server: z.object({ id }),
});
export const createFirewall = z.object({ name, labels, rules: list(rule), apply_to: list(resource) });
export const setRules = z.object({ rules: z.array(rule).max(50) });
export const applyTo = z.object({ apply_to: z.array(resource).min(1) });
export const removeFrom = z.object({ remove_from: z.array(resource).min(1) });

export const createPlacementGroup = z.object({ name, labels, type: z.literal("spread") });

const userData = z
  .string()
  .refine((text) => Buffer.byteLength(text) <= USER_DATA_MAX, `must be at most ${USER_DATA_MAX} bytes`);

export const createServer = z.object({
  name: hostName,
  labels,
  server_type: idOrName,
  image: idOrName,
  location: z.string().min(1).default("fsn1"),
  datacenter: never("was removed from the API in July 2026: use location"),
  user_data: userData.nullish().transform((text) => text ?? ""),
  ssh_keys: list(idOrName),
  firewalls: list(z.object({ firewall: id })),
  networks: list(id),
  placement_group: id.nullish().transform((group) => group ?? null),
  volumes: z.array(z.unknown()).max(0, "the lab has no volumes").nullish(),
  start_after_create: z.literal(true, "the lab starts every server").optional(),
  public_net: z
    .object({
      enable_ipv4: z.literal(true, "the lab reaches its servers by IPv4: it can't be off"),
      ipv4: never("the lab has no primary IPs to choose from"),
    })
    .nullish(),
});
export type ServerInput = z.infer<typeof createServer>;

export const attachNetwork = z.object({
  network: id,
  ip: address.optional(),
  ip_range: cidr.optional(),
  alias_ips: z.array(address).max(0, "the lab has no alias addresses").nullish(),
});
export type AttachInput = z.infer<typeof attachNetwork>;
export const detachNetwork = z.object({ network: id });
export const protectServer = z.object({ delete: z.boolean().optional(), rebuild: z.boolean().optional() });
export const changeType = z.object({ server_type: idOrName, upgrade_disk: z.boolean() });
export const rebuild = z.object({ image: idOrName, user_data: userData.optional() });
export const joinPlacementGroup = z.object({ placement_group: id });

function isAnyCidr(text: string): boolean {
  const [ip = "", bits = "", ...rest] = text.split("/");
  if (rest.length > 0 || !/^\d{1,3}$/.test(bits)) return false;
  return isIPv4(ip) ? isCidr(text) : isIPv6(ip) && Number(bits) <= 128;
}
