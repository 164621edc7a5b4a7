/** The lab's internet: lives in the network name space of the process that makes it, and dies with it. */
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { isDeepStrictEqual } from "node:util";
import pLimit from "p-limit";
import { LAB_NET } from "../addresses.ts";
import type { BalancerSpec } from "../cloud/balancers.ts";
import type { InboundRule, Nic } from "../cloud/hypervisor.ts";
import { run } from "../machines/run.ts";
import { type FilteredServer, renderFilter } from "./firewall.ts";
import {
  balancerRoute,
  baseLinks,
  type Cable,
  PUBLIC_BRIDGE,
  plugLinks,
  privateBridge,
  privateBridgeLinks,
  privateCable,
  privateCardLinks,
  privateRoute,
  publicCable,
  publicCardLinks,
  publicRoute,
  SYSCTLS,
} from "./links.ts";

/** A private address. */
type Place = Pick<Nic, "networkId" | "ip" | "gateway">;
type PlacedBalancer = Pick<BalancerSpec, "id" | "publicIp" | "nic">;

/**
 * Routes, bridges and packet filters of all servers, and the cables of those that run. A server or private card is
 * *added* for as long as it exists, and *plugged* while its machine runs.
 */
export class LabNetwork {
  readonly #servers = new Map<number, FilteredServer>();
  readonly #balancers = new Map<number, PlacedBalancer>();
  /** Private addresses by network id; a bridge exists while its network has one. */
  readonly #networks = new Map<number, Set<string>>();
  /** One change at a time: rule sets are whole, so the last one loaded must be the newest one rendered. */
  readonly #queue = pLimit(1);

  /** Sets up the name space. Call once, first. @param mark found again by {@link bearsMark} */
  async start(mark: string): Promise<void> {
    for (const [name, value] of Object.entries(SYSCTLS)) writeFileSync(join("/proc/sys", name), value);
    await ip(baseLinks(mark));
    await this.#loadFilter();
  }

  async addServer(server: FilteredServer): Promise<void> {
    await this.#queue(async () => {
      this.#servers.set(server.id, server);
      await this.#loadFilter();
      await ip([publicRoute("replace", server.publicIp)]);
    });
  }

  async removeServer(id: number): Promise<void> {
    await this.#queue(async () => {
      const server = this.#servers.get(id);
      if (server === undefined) return;
      await ip([publicRoute("delete", server.publicIp)]);
      this.#servers.delete(id);
      await this.#loadFilter();
    });
  }

  async setRules(id: number, rules: readonly InboundRule[] | undefined): Promise<void> {
    await this.#queue(async () => {
      const server = this.#servers.get(id);
      if (server === undefined)
        throw new Error(`server ${id}: wanted to set its firewall, but there is no such server`);
      this.#servers.set(id, { ...server, rules });
      await this.#loadFilter();
    });
  }

  async addNic(nic: Nic): Promise<void> {
    await this.#queue(async () => {
      await this.#join(nic);
      await ip([privateRoute("replace", nic)]);
    });
  }

  async removeNic(nic: Nic): Promise<void> {
    await this.#queue(async () => {
      if (!this.#networks.get(nic.networkId)?.has(nic.ip)) return;
      await ip([privateRoute("delete", nic)]);
      await this.#leave(nic);
    });
  }

  /** Gives a load balancer its addresses, in place of those it had; what answers there is not the network's business. */
  async setBalancer(balancer: PlacedBalancer): Promise<void> {
    await this.#queue(async () => {
      const old = this.#balancers.get(balancer.id);
      const { id, publicIp, nic } = balancer;
      this.#balancers.set(id, { id, publicIp, ...(nic && { nic }) });
      // As a client of the internet would: by default from the admin's address.
      await ip([balancerRoute("replace", publicIp, LAB_NET.adminIp)]);
      if (old?.nic && !isDeepStrictEqual(old.nic, nic)) await this.#withdraw(old.nic);
      if (nic) {
        await this.#join(nic);
        await ip([balancerRoute("replace", nic.ip)]);
      }
      await this.#loadFilter();
    });
  }

  async removeBalancer(id: number): Promise<void> {
    await this.#queue(async () => {
      const old = this.#balancers.get(id);
      if (old === undefined) return;
      this.#balancers.delete(id);
      await ip([balancerRoute("delete", old.publicIp)]);
      if (old.nic) await this.#withdraw(old.nic);
      await this.#loadFilter();
    });
  }

  /** @param pid a process in the machine's network name space */
  async plugPublic(id: number, publicIp: string, pid: number): Promise<void> {
    await plug(publicCable(id), publicCardLinks(publicIp), pid);
  }

  async plugPrivate(id: number, nic: Nic, device: string, pid: number): Promise<void> {
    await plug(privateCable(id, nic, device), privateCardLinks(nic, device), pid);
  }

  async unplugPublic(id: number): Promise<void> {
    await unplug(publicCable(id));
  }

  async unplugPrivate(id: number, nic: Nic): Promise<void> {
    await unplug(privateCable(id, nic, ""));
  }

  async #withdraw(nic: Place): Promise<void> {
    await ip([balancerRoute("delete", nic.ip)]);
    await this.#leave(nic);
  }

  /** The first one in a network brings its bridge. */
  async #join({ networkId, ip: address, gateway }: Place): Promise<void> {
    const members = this.#networks.get(networkId);
    if (members === undefined) await ip(privateBridgeLinks(networkId, gateway));
    this.#networks.set(networkId, new Set([...(members ?? []), address]));
    if (members === undefined) await this.#loadFilter();
  }

  /** The last one takes it away. */
  async #leave({ networkId, ip: address }: Place): Promise<void> {
    const members = this.#networks.get(networkId);
    members?.delete(address);
    if (members === undefined || members.size > 0) return;
    this.#networks.delete(networkId);
    await ip([`link delete dev ${privateBridge(networkId)}`]);
    await this.#loadFilter();
  }

  async #loadFilter(): Promise<void> {
    const text = renderFilter({
      servers: [...this.#servers.values()],
      balancers: [...this.#balancers.values()].map(({ publicIp, nic }) => ({
        publicIp,
        nic: nic && { bridge: privateBridge(nic.networkId), ip: nic.ip },
      })),
      privateBridges: [...this.#networks.keys()].map(privateBridge),
      publicBridge: PUBLIC_BRIDGE,
      artifactIp: LAB_NET.artifactIp,
    });
    await run(["nft", "-f", "-"], text);
  }
}

/** True when the network name space of process `pid` was set up with this mark. */
export async function bearsMark(pid: number, mark: string): Promise<boolean> {
  const argv = [...inNamespaceOf(pid), "ip", "-json", "link", "show", "dev", PUBLIC_BRIDGE] as const;
  const links = await run(argv).catch(() => "[]");
  return links.includes(`"ifalias":"${mark}"`);
}

async function plug(cable: Cable, cardLinks: readonly string[], pid: number): Promise<void> {
  await ip(plugLinks(cable, pid));
  await run([...inNamespaceOf(pid), "ip", "-batch", "-"], batch(cardLinks));
}

/** The other end goes with it. With the machine's name space both may be gone already. */
async function unplug(cable: Cable): Promise<void> {
  await ip([`link delete dev ${cable.port}`]).catch((error: Error) => {
    if (!error.message.includes("Cannot find device")) throw error;
  });
}

function inNamespaceOf(pid: number): readonly [string, ...string[]] {
  return ["nsenter", `--net=/proc/${pid}/ns/net`, "--"];
}

async function ip(lines: readonly string[]): Promise<void> {
  await run(["ip", "-batch", "-"], batch(lines));
}

function batch(lines: readonly string[]): string {
  return lines.map((line) => `${line}\n`).join("");
}
