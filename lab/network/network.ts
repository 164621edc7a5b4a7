/** The lab's internet: lives in the network name space of the process that makes it, and dies with it. */
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import pLimit from "p-limit";
import { LAB_NET } from "../addresses.ts";
import type { InboundRule, Nic } from "../cloud/hypervisor.ts";
import { run } from "../machines/run.ts";
import { type FilteredServer, renderFilter } from "./firewall.ts";
import {
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

/**
 * Routes, bridges and packet filters of all servers, and the cables of those that run. A server or private card is
 * *added* for as long as it exists, and *plugged* while its machine runs.
 */
export class LabNetwork {
  readonly #servers = new Map<number, FilteredServer>();
  /** Private cards by network id; a bridge exists while its network has one. */
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
      const cards = this.#networks.get(nic.networkId);
      if (cards === undefined) await ip(privateBridgeLinks(nic.networkId, nic.gateway));
      this.#networks.set(nic.networkId, new Set([...(cards ?? []), nic.ip]));
      if (cards === undefined) await this.#loadFilter();
      await ip([privateRoute("replace", nic)]);
    });
  }

  async removeNic(nic: Nic): Promise<void> {
    await this.#queue(async () => {
      const cards = this.#networks.get(nic.networkId);
      if (!cards?.delete(nic.ip)) return;
      await ip([privateRoute("delete", nic)]);
      if (cards.size > 0) return;
      this.#networks.delete(nic.networkId);
      await ip([`link delete dev ${privateBridge(nic.networkId)}`]);
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

  async #loadFilter(): Promise<void> {
    const text = renderFilter({
      servers: [...this.#servers.values()],
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
