/** Pure text and data of the servers: cloud-init and the public firewall's rules. */
import { stringify } from "yaml";
import { type PortRule, portsFrom } from "../../plan/ports.ts";

/** A one-time SSH host key pair, OpenSSH format, ECDSA P-256. */
export interface BootstrapKey {
  readonly privateKey: string;
  readonly publicKey: string;
}

/**
 * cloud-init user-data. It is as small as it can be, because a server never gets another one: it only makes the
 * machine provable. The key in it is readable by whoever reaches the metadata service, so the first command
 * replaces it.
 */
export function renderUserData(key: BootstrapKey): string {
  const config = {
    ssh_pwauth: false,
    disable_root: false,
    ssh_deletekeys: true,
    ssh_keys: { ecdsa_private: key.privateKey, ecdsa_public: key.publicKey.trim() },
  };
  return `#cloud-config\n${stringify(config)}`;
}

/** One inbound rule, as the hcloud provider takes it. */
export interface FirewallRule {
  readonly direction: "in";
  readonly protocol: string;
  readonly port?: string;
  readonly sourceIps: string[];
  readonly description: string;
}

/** Who may come in on the public side. */
export interface PublicAccess {
  readonly adminCidrs: readonly string[];
  /** Networks of database clients. @default - none */
  readonly databaseCidrs?: readonly string[];
  /** Clients reach the nodes themselves: no load balancer stands before them. */
  readonly openToWorld: boolean;
}

const WORLD = ["0.0.0.0/0", "::/0"];

function inbound(rules: readonly PortRule[], sourceIps: readonly string[]): FirewallRule[] {
  return rules.map(({ protocol, port, why }) => ({
    direction: "in",
    protocol,
    port: String(port),
    sourceIps: [...sourceIps],
    description: why,
  }));
}

/** Inbound rules of the public side. No outbound rule: a single one would turn all others into drops. */
export function firewallRules({ adminCidrs, openToWorld, databaseCidrs = [] }: PublicAccess): FirewallRule[] {
  const icmp: FirewallRule = {
    direction: "in",
    protocol: "icmp",
    sourceIps: [...WORLD],
    description: "path MTU discovery",
  };
  return [
    ...inbound(portsFrom("admin"), adminCidrs),
    ...(databaseCidrs.length > 0 ? inbound(portsFrom("postgres"), databaseCidrs) : []),
    ...(openToWorld ? inbound(portsFrom("world"), WORLD) : []),
    icmp,
  ];
}
