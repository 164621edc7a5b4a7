/** Pure text of the OS baseline: package source, authorised keys, host firewall. */
import { METADATA_ADDRESS, PORTS_CLOSED_TO_PODS, type PortRule, portsFrom } from "../../plan/ports.ts";

/** A deb822 source. The key lies beside it, so that no other key can sign for it. */
export interface AptSourceText {
  readonly uri: string;
  readonly suite: string;
  readonly components: readonly string[];
}

export const APT_KEY_PATH = "/etc/apt/keyrings/gardenos.asc";

export function renderAptSource(source: AptSourceText): string {
  return [
    "Types: deb",
    `URIs: ${source.uri}`,
    `Suites: ${source.suite}`,
    `Components: ${source.components.join(" ")}`,
    `Signed-By: ${APT_KEY_PATH}`,
    "",
  ].join("\n");
}

/** One line per key, the program's own first, then people by name. */
export function renderAuthorizedKeys(deployKey: string, people: Readonly<Record<string, string>>): string {
  const named = Object.keys(people)
    .sort()
    .map((name) => people[name] ?? "");
  return [deployKey, ...named].map((key) => `${key.trim()}\n`).join("");
}

export interface HostFirewall {
  readonly adminCidrs: readonly string[];
  readonly nodeIps: readonly string[];
  readonly podCidr: string;
  /** Private address of the load balancer. @default - there is none */
  readonly loadBalancerIp?: string;
  /** Networks of database clients. @default - none */
  readonly databaseCidrs?: readonly string[];
  /** Clients reach the nodes themselves, so everybody may reach the ingress ports. */
  readonly openToWorld: boolean;
}

const WORLD = "0.0.0.0/0";

const set = (values: readonly (string | number)[]): string => `{ ${values.join(", ")} }`;

function accept(rules: readonly PortRule[], sources: readonly string[]): string[] {
  return (["tcp", "udp"] as const).flatMap((protocol) => {
    const ports = rules.filter((rule) => rule.protocol === protocol).map((rule) => rule.port);
    if (ports.length === 0 || sources.length === 0) return [];
    return [`    ip saddr ${set(sources)} ${protocol} dport ${set(ports)} accept`];
  });
}

/**
 * nftables rules for every interface of a node, private and mesh ones included: Hetzner's firewall sees only the
 * public side. The file replaces its own table in one transaction and leaves others (kube-proxy's) alone.
 */
export function renderFirewall(firewall: HostFirewall): string {
  const closed = `tcp dport ${set(PORTS_CLOSED_TO_PODS)}`;
  return [
    "table inet gardenos",
    "delete table inet gardenos",
    "table inet gardenos {",
    "  chain input {",
    "    type filter hook input priority filter; policy drop;",
    "    ct state established,related accept",
    "    ct state invalid drop",
    "    iif lo accept",
    "    meta l4proto { icmp, ipv6-icmp } accept",
    // Both network cards of a Hetzner server live on DHCP leases.
    "    udp sport 67 udp dport 68 accept",
    `    ip saddr ${firewall.podCidr} ${closed} drop`,
    ...accept(portsFrom("admin"), firewall.adminCidrs),
    ...accept(portsFrom("postgres"), firewall.databaseCidrs ?? []),
    ...accept(portsFrom("node"), firewall.nodeIps),
    ...accept(portsFrom("pod"), [firewall.podCidr]),
    ...accept(portsFrom("lb"), firewall.loadBalancerIp ? [firewall.loadBalancerIp] : []),
    ...accept(portsFrom("world"), firewall.openToWorld ? [WORLD] : []),
    "  }",
    "  chain forward {",
    "    type filter hook forward priority filter; policy accept;",
    `    ip saddr ${firewall.podCidr} ip daddr ${METADATA_ADDRESS} drop`,
    `    ip saddr ${firewall.podCidr} ip daddr ${set(firewall.nodeIps)} ${closed} drop`,
    "  }",
    "}",
    "",
  ].join("\n");
}
