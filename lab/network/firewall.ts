/**
 * The packet filter of the lab's network name space, as text for nft(8). Two things are in it: Hetzner's firewalls,
 * and the walls that the lab's router must have because on Hetzner there is no way around them.
 */
import { isIPv4 } from "node:net";
import type { InboundRule } from "../cloud/hypervisor.ts";

/** A server as the packet filter sees it. */
export interface FilteredServer {
  readonly id: number;
  readonly publicIp: string;
  /** `undefined`: no firewall, everything passes. */
  readonly rules: readonly InboundRule[] | undefined;
}

/** A load balancer as the packet filter sees it. Hetzner's firewalls don't cover them. */
interface FilteredBalancer {
  readonly publicIp: string;
  /** Undefined: in no network. */
  readonly nic: { readonly bridge: string; readonly ip: string } | undefined;
}

export interface FilterInput {
  readonly servers: readonly FilteredServer[];
  readonly balancers: readonly FilteredBalancer[];
  /** Names of the bridges of private networks. */
  readonly privateBridges: readonly string[];
  /** Bridge of the public side. */
  readonly publicBridge: string;
  /** The only address of the lab that machines may open connections to. */
  readonly artifactIp: string;
}

const TABLE = "inet gardenos";

/** A complete rule set that replaces the one before in a single transaction. */
export function renderFilter(input: FilterInput): string {
  const { publicBridge, privateBridges, artifactIp, balancers } = input;
  const nics = balancers.flatMap(({ nic }) => nic ?? []);
  const walled = input.servers.filter((server) => server.rules !== undefined);
  const verdicts = walled.map((server) => `${server.publicIp} : goto ${chainName(server)}`);
  const lines = [
    // A table must exist to be deleted.
    `table ${TABLE}`,
    `delete table ${TABLE}`,
    `table ${TABLE} {`,
    ...walled.map(renderServerChain),
    // Hetzner's firewalls are stateful, and guard the public side only.
    ...chain("to_server", [
      "ct state established,related accept",
      ...(verdicts.length > 0 ? [`ip daddr vmap { ${verdicts.join(", ")} }`] : []),
    ]),
    ...chain("input", [
      "type filter hook input priority filter; policy accept;",
      'iifname "lo" accept',
      "ct state established,related accept",
      "meta l4proto icmp accept",
      `iifname "${publicBridge}" ip daddr ${artifactIp} accept`,
      ...balancers.map(({ publicIp }) => `iifname "${publicBridge}" ip daddr ${publicIp} accept`),
      ...nics.map(({ bridge, ip }) => `iifname "${bridge}" ip daddr ${ip} accept`),
      "reject with icmpx admin-prohibited",
    ]),
    ...chain("output", [
      "type filter hook output priority filter; policy accept;",
      `oifname "${publicBridge}" jump to_server`,
      ...nics.map(({ bridge, ip }) => `oifname "${bridge}" ip saddr ${ip} accept`),
      // Private networks can't be reached from the internet, so nothing here may come to rely on it.
      ...nics.map(({ ip }) => `oifname "lo" ip daddr ${ip} reject with icmpx admin-prohibited`),
      ...privateBridges.map(
        (bridge) => `oifname "${bridge}" meta l4proto != icmp reject with icmpx admin-prohibited`,
      ),
    ]),
    ...chain("forward", [
      "type filter hook forward priority filter; policy drop;",
      `iifname "${publicBridge}" oifname "${publicBridge}" jump to_server`,
      `iifname "${publicBridge}" oifname "${publicBridge}" accept`,
      ...privateBridges.map((bridge) => `iifname "${bridge}" oifname "${bridge}" accept`),
    ]),
    "}",
  ];
  return `${lines.join("\n")}\n`;
}

function renderServerChain(server: FilteredServer): string {
  const accepts = (server.rules ?? []).flatMap(renderRule);
  return chain(chainName(server), [...accepts, "drop"]).join("\n");
}

/** One line per source: a set would refuse sources that overlap. IPv6 sources have nothing to match in the lab. */
function renderRule(rule: InboundRule): readonly string[] {
  const match =
    rule.port === undefined ? `meta l4proto ${rule.protocol}` : `${rule.protocol} dport ${rule.port}`;
  return rule.sourceIps
    .filter((source) => isIPv4(source.split("/")[0] ?? ""))
    .map((source) => (source === "0.0.0.0/0" ? `${match} accept` : `ip saddr ${source} ${match} accept`));
}

function chain(name: string, statements: readonly string[]): readonly string[] {
  return [`  chain ${name} {`, ...statements.map((statement) => `    ${statement}`), "  }"];
}

function chainName(server: FilteredServer): string {
  return `server_${server.id}`;
}
