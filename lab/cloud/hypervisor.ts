/**
 * What the Hetzner Cloud emulator asks of the thing that runs machines. The emulator keeps the API's records;
 * the hypervisor keeps disks, processes, NICs and packet filters. Ids are the API's server and network ids.
 */

/** A network card of a server. Hetzner gives every card a /32 and a gateway; so does the lab. */
export interface Nic {
  readonly networkId: number;
  /** IPv4 address, without prefix length. */
  readonly ip: string;
  /** The network's whole range; the machine reaches it through `gateway`. */
  readonly ipRange: string;
  /** First address of the network's range, as on Hetzner. */
  readonly gateway: string;
  readonly mac: string;
}

/** A server to be made. */
export interface MachineSpec {
  readonly id: number;
  /** Becomes the host name. */
  readonly name: string;
  /** Public IPv4 address. */
  readonly publicIp: string;
  /** Image name of the catalog, for example `debian-13`. */
  readonly image: string;
  /** cloud-init user-data as sent by the client; empty for none. */
  readonly userData: string;
  /** OpenSSH public keys for root. */
  readonly sshKeys: readonly string[];
  /** Most memory that all its processes may use together, in GB (2^30 bytes). */
  readonly memoryGb: number;
}

/** One rule of a Hetzner firewall, inbound only (the program makes no outbound rules). */
export interface InboundRule {
  readonly protocol: "tcp" | "udp" | "icmp" | "esp" | "gre";
  /** A port, a range `80-85`, or undefined for protocols without ports and for `any`. */
  readonly port?: string;
  readonly sourceIps: readonly string[];
}

export type PowerState = "running" | "off";

/** Every method resolves when the effect is there and rejects with a plain sentence when it is not. */
export interface Hypervisor {
  /** Makes the disk and boots the machine. */
  create(spec: MachineSpec): Promise<void>;
  /** Removes the machine and its disk; succeeds when it is already gone. */
  delete(id: number): Promise<void>;
  /** A new disk from the image, same spec; boots. */
  rebuild(id: number, image: string, userData?: string): Promise<void>;
  powerOn(id: number): Promise<void>;
  /** A power cut. */
  powerOff(id: number): Promise<void>;
  /** A clean shutdown, as ACPI's power button asks for. */
  shutdown(id: number): Promise<void>;
  /** Another memory size from its next boot on. */
  resize(id: number, memoryGb: number): Promise<void>;
  attachNic(id: number, nic: Nic): Promise<void>;
  detachNic(id: number, networkId: number): Promise<void>;
  /** Replaces the machine's packet filter on the public side. `undefined`: no firewall, everything passes. */
  setFirewall(id: number, rules: readonly InboundRule[] | undefined): Promise<void>;
  state(id: number): PowerState;
}
