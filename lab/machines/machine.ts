/** One machine: its record, its disk and its run. Calls must come one at a time; the hypervisor sees to that. */
import { rmSync } from "node:fs";
import { isDeepStrictEqual } from "node:util";
import type { InboundRule, MachineSpec, Nic, PowerState } from "../cloud/hypervisor.ts";
import { consoleLog, type LabContext, machineDir, machineName } from "../context.ts";
import type { LabNetwork } from "../network/network.ts";
import { destroyCgroups, limitMemory, makeCgroups } from "./cgroups.ts";
import { makeDisk } from "./disk.ts";
import { send } from "./processes.ts";
import { type Card, type MachineRecord, saveRecord } from "./record.ts";
import { pressPowerButton, type Supervisor, startSupervisor } from "./supervisor.ts";

/** systemd itself gives its services 90 s to stop. */
const SHUTDOWN_TIMEOUT_MS = 120_000;

/** What all machines of a lab share. */
export interface MachineHost {
  readonly ctx: LabContext;
  readonly network: LabNetwork;
  /** The image all disks are made from. */
  readonly rootfsDir: string;
  /** The machines' control groups are made below these folders, one per hierarchy. */
  readonly cgroupParents: readonly string[];
  /** One line for the daemon's log. */
  log(line: string): void;
  /** Called when a machine has asked for a reboot and is down; should lead to a call of {@link Machine.comeBack}. */
  onReboot(id: number): void;
}

/** A run and the cleaning up after it. */
interface Run {
  readonly supervisor: Supervisor;
  readonly cleaned: Promise<void>;
}

export class Machine {
  readonly #host: MachineHost;
  #record: MachineRecord;
  #run: Run | undefined;
  /** A machine that is rebooting has no run for a moment and yet is not off. */
  #state: PowerState = "off";

  constructor(host: MachineHost, record: MachineRecord) {
    this.#host = host;
    this.#record = record;
  }

  get state(): PowerState {
    return this.#state;
  }

  /** Makes routes and packet filters: after its creation, and after a restart of the daemon. */
  async connect(): Promise<void> {
    const { spec, cards, rules } = this.#record;
    await this.#host.network.addServer({ id: spec.id, publicIp: spec.publicIp, rules });
    for (const card of cards) await this.#host.network.addNic(card.nic);
  }

  /** An empty disk from the image. The machine must be off. */
  format(spec: MachineSpec = this.#record.spec): void {
    makeDisk(this.#dir, spec);
    this.#save({ ...this.#record, spec: { ...spec, sshKeys: [...spec.sshKeys] } });
  }

  /** From the next boot on. */
  resize(memoryGb: number): void {
    this.#save({ ...this.#record, spec: { ...this.#record.spec, memoryGb } });
  }

  async powerOn(): Promise<void> {
    if (this.#state === "running") return;
    await this.#boot();
  }

  /** After a reboot that the machine asked for, unless its power was cut in the meantime. */
  async comeBack(): Promise<void> {
    if (this.#state === "running" && this.#run === undefined) await this.#boot();
  }

  /** Cuts the cables first: the others must see silence, not connections closed by a dying kernel. */
  async powerOff(): Promise<void> {
    this.#state = "off";
    const run = this.#run;
    if (run === undefined) return;
    await this.#unplug();
    send(run.supervisor.init, "SIGKILL");
    await run.cleaned;
  }

  /** Asks for a clean shutdown; {@link untilOff} tells when it is done. A machine that is off stays so. */
  pressPowerButton(): void {
    if (this.#run) pressPowerButton(this.#run.supervisor);
  }

  /** @throws Error when the machine does not stop in time; it then still runs */
  async untilOff(): Promise<void> {
    const late = new Promise<"late">((resolve) => setTimeout(resolve, SHUTDOWN_TIMEOUT_MS, "late").unref());
    if ((await Promise.race([this.#run?.cleaned, late])) !== "late") return;
    const limit = `${SHUTDOWN_TIMEOUT_MS / 1000} s`;
    throw new Error(
      `${this.#title}: wanted it to shut down within ${limit}, it still runs; cut its power instead`,
    );
  }

  /** Another card of the same network is replaced. */
  async attach(nic: Nic): Promise<void> {
    const { spec, cards } = this.#record;
    if (cards.some((card) => isDeepStrictEqual(card.nic, nic))) return;
    await this.detach(nic.networkId);
    const card = { device: freeDevice(this.#record.cards), nic: { ...nic } };
    await this.#host.network.addNic(nic);
    try {
      if (this.#run)
        await this.#host.network.plugPrivate(spec.id, nic, card.device, this.#run.supervisor.init);
    } catch (error) {
      await this.#host.network.removeNic(nic);
      throw error;
    }
    this.#save({ ...this.#record, cards: [...this.#record.cards, card] });
  }

  async detach(networkId: number): Promise<void> {
    const card = this.#record.cards.find(({ nic }) => nic.networkId === networkId);
    if (card === undefined) return;
    this.#save({ ...this.#record, cards: this.#record.cards.filter((other) => other !== card) });
    if (this.#run) await this.#host.network.unplugPrivate(this.#record.spec.id, card.nic);
    await this.#host.network.removeNic(card.nic);
  }

  async setRules(rules: readonly InboundRule[] | undefined): Promise<void> {
    const { rules: _, ...rest } = this.#record;
    const copy = rules?.map((rule) => ({ ...rule, sourceIps: [...rule.sourceIps] }));
    this.#save(copy ? { ...rest, rules: copy } : rest);
    await this.#host.network.setRules(rest.spec.id, rules);
  }

  /** Power cut, and nothing is left. */
  async destroy(): Promise<void> {
    await this.powerOff();
    for (const card of this.#record.cards) await this.#host.network.removeNic(card.nic);
    await this.#host.network.removeServer(this.#record.spec.id);
    rmSync(this.#dir, { recursive: true, force: true });
  }

  /** The spec it was made from. */
  get spec(): MachineSpec {
    return this.#record.spec;
  }

  get #dir(): string {
    return machineDir(this.#host.ctx, this.#record.spec.id);
  }

  /** For messages. */
  get #title(): string {
    return `server ${this.#record.spec.id} (${this.#record.spec.name})`;
  }

  async #boot(): Promise<void> {
    const { ctx, rootfsDir, cgroupParents } = this.#host;
    const { id, name, memoryGb } = this.#record.spec;
    const cgroups = makeCgroups(cgroupParents, ctx.cgroupName, String(id));
    try {
      limitMemory(cgroups, memoryGb);
      const supervisor = await startSupervisor({
        dir: this.#dir,
        consoleLog: consoleLog(ctx, id),
        rootfsDir,
        name: machineName(ctx, id),
        hostname: name,
        cgroups,
      });
      this.#state = "running";
      this.#run = { supervisor, cleaned: this.#cleanUpAfter(supervisor, cgroups) };
      await this.#plug(supervisor.init);
      this.#host.log(`${this.#title}: running, pid ${supervisor.init}`);
    } catch (error) {
      await this.powerOff();
      await destroyCgroups(cgroups);
      throw new Error(`${this.#title}: ${(error as Error).message}`, { cause: error });
    }
  }

  /** Never rejects: nobody may be waiting for it. */
  async #cleanUpAfter(supervisor: Supervisor, cgroups: readonly string[]): Promise<void> {
    const end = await supervisor.end;
    try {
      await this.#unplug();
      await destroyCgroups(cgroups);
    } catch (error) {
      this.#host.log(`${this.#title}: ${(error as Error).message}`);
    }
    this.#run = undefined;
    const rebooting = end === "reboot" && this.#state === "running";
    if (!rebooting) this.#state = "off";
    this.#host.log(`${this.#title}: ${rebooting ? "reboots" : "off"}`);
    if (rebooting) this.#host.onReboot(this.#record.spec.id);
  }

  async #plug(init: number): Promise<void> {
    const { spec, cards } = this.#record;
    await this.#host.network.plugPublic(spec.id, spec.publicIp, init);
    for (const { nic, device } of cards) await this.#host.network.plugPrivate(spec.id, nic, device, init);
  }

  async #unplug(): Promise<void> {
    const { spec, cards } = this.#record;
    await this.#host.network.unplugPublic(spec.id);
    for (const { nic } of cards) await this.#host.network.unplugPrivate(spec.id, nic);
  }

  #save(record: MachineRecord): void {
    this.#record = record;
    saveRecord(this.#host.ctx, record);
  }
}

/** Private cards are `enp7s0`, `enp8s0` and so on, as on Hetzner. */
function freeDevice(cards: readonly Card[]): string {
  const taken = new Set(cards.map(({ device }) => device));
  let slot = 7;
  while (taken.has(`enp${slot}s0`)) slot += 1;
  return `enp${slot}s0`;
}
