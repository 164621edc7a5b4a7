/**
 * Bridges, cables and routes as lines for `ip -batch`. Names in the lab's name space: `pub` is the public side,
 * `net<network>` a private network; `pub-<server>` and `n<network>-<server>`
 * (ids in base 36) are the switch ends of cables.
 */
import { LAB_NET } from "../addresses.ts";
import type { Nic } from "../cloud/hypervisor.ts";

export const PUBLIC_BRIDGE = "pub";
const PUBLIC_MTU = 1500;
/** Hetzner's private networks carry less, because they are tunnels themselves. */
const PRIVATE_MTU = 1450;

/** Fixed: left alone, a bridge takes a port's, changes it with the ports, and the machines lose their gateway. */
const GATEWAY_MAC = "02:00:00:00:00:01";

/** The switch side of a cable. */
export interface Cable {
  readonly bridge: string;
  /** Name of the end at the bridge. */
  readonly port: string;
  /** Name of the end in the machine. */
  readonly device: string;
  readonly mac: string;
  readonly mtu: number;
}

/** Kernel settings of the lab's name space. All are per name space; the host's are another set. */
export const SYSCTLS: Readonly<Record<string, string>> = {
  "net/ipv4/ip_forward": "1",
  // Machines of a network talk through the gateway although they share a bridge: it must not send them past it.
  "net/ipv4/conf/all/send_redirects": "0",
  "net/ipv4/conf/default/send_redirects": "0",
  "net/ipv4/conf/all/rp_filter": "0",
  "net/ipv4/conf/default/rp_filter": "0",
};

/** Names of network devices end at 15 characters, and real ids are long. */
const short = (id: number): string => id.toString(36);

export function privateBridge(networkId: number): string {
  return `net${networkId}`;
}

/** The lab's own addresses and its public side. `mark` is found again by `bearsMark` in network.ts. */
export function baseLinks(mark: string): readonly string[] {
  const own = [LAB_NET.artifactIp, LAB_NET.adminIp, LAB_NET.strangerIp];
  return [
    "link set dev lo up",
    ...own.map((ip) => `address add ${ip}/32 dev lo`),
    ...bridgeLinks(PUBLIC_BRIDGE, PUBLIC_MTU, LAB_NET.publicGateway),
    `link set dev ${PUBLIC_BRIDGE} alias ${mark}`,
  ];
}

export function privateBridgeLinks(networkId: number, gateway: string): readonly string[] {
  return bridgeLinks(privateBridge(networkId), PRIVATE_MTU, gateway);
}

/** The internet's way to a server. Connections of the lab come from the admin's address unless they choose. */
export function publicRoute(action: "replace" | "delete", publicIp: string): string {
  return `route ${action} ${publicIp}/32 dev ${PUBLIC_BRIDGE} src ${LAB_NET.adminIp}`;
}

export function privateRoute(action: "replace" | "delete", nic: Nic): string {
  return `route ${action} ${nic.ip}/32 dev ${privateBridge(nic.networkId)}`;
}

/** The switch end of a server's public cable. */
export const publicPort = (serverId: number): string => `${PUBLIC_BRIDGE}-${serverId}`;

/** The switch end of a server's cable into a private network. */
export const privatePort = (serverId: number, networkId: number): string =>
  `n${short(networkId)}-${short(serverId)}`;

/**
 * An address of the lab itself, for a load balancer: no device has it, but all traffic to it ends here.
 * @param source where connections from here come from; without it from that very address
 */
export function balancerRoute(action: "replace" | "delete", ip: string, source?: string): string {
  return `route ${action} local ${ip}/32 dev lo table local${source === undefined ? "" : ` src ${source}`}`;
}

export function publicCable(serverId: number): Cable {
  return {
    bridge: PUBLIC_BRIDGE,
    port: publicPort(serverId),
    device: "eth0",
    mac: publicMac(serverId),
    mtu: PUBLIC_MTU,
  };
}

/** @param device name in the machine, for example `enp7s0` */
export function privateCable(serverId: number, nic: Nic, device: string): Cable {
  const bridge = privateBridge(nic.networkId);
  return {
    bridge,
    port: privatePort(serverId, nic.networkId),
    device,
    mac: nic.mac,
    mtu: PRIVATE_MTU,
  };
}

/** Lays a cable from the bridge into the name space of process `pid`. Isolated ports see only the gateway. */
export function plugLinks(cable: Cable, pid: number): readonly string[] {
  const { bridge, port, device, mac, mtu } = cable;
  return [
    `link add name ${port} mtu ${mtu} type veth peer name ${device} address ${mac} mtu ${mtu} netns ${pid}`,
    `link set dev ${port} addrgenmode none master ${bridge}`,
    `link set dev ${port} type bridge_slave isolated on`,
    `link set dev ${port} up`,
  ];
}

/** In the machine: the public card as Hetzner's images set it up. */
export function publicCardLinks(publicIp: string): readonly string[] {
  return [...cardLinks("eth0", publicIp), `route add default via ${LAB_NET.publicGateway} dev eth0 onlink`];
}

/** In the machine: a private card as Hetzner's images set it up. */
export function privateCardLinks(nic: Nic, device: string): readonly string[] {
  return [
    ...cardLinks(device, nic.ip),
    `route add ${nic.gateway} dev ${device} scope link`,
    `route add ${nic.ipRange} via ${nic.gateway} dev ${device} onlink`,
  ];
}

function cardLinks(device: string, ip: string): readonly string[] {
  return [
    `link set dev ${device} addrgenmode none`,
    `link set dev ${device} up`,
    `address add ${ip}/32 dev ${device}`,
  ];
}

function bridgeLinks(name: string, mtu: number, gateway: string): readonly string[] {
  return [
    `link add name ${name} address ${GATEWAY_MAC} mtu ${mtu} type bridge mcast_snooping 0`,
    // No IPv6 addresses: the first release is IPv4 only.
    `link set dev ${name} addrgenmode none`,
    `link set dev ${name} up`,
    `address add ${gateway}/32 dev ${name}`,
  ];
}

/** Hetzner's prefix and the server's id. */
function publicMac(serverId: number): string {
  const hex = serverId.toString(16).padStart(8, "0").slice(-8);
  return `96:00:${hex.match(/../g)?.join(":")}`;
}
