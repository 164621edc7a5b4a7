/** Runs the lab's servers as systemd-nspawn machines. Needs root and the lab's network name space. */
import { rmSync } from "node:fs";
import pLimit, { type LimitFunction } from "p-limit";
import type { Hypervisor, InboundRule, MachineSpec, Nic, PowerState } from "../cloud/hypervisor.ts";
import { machineDir } from "../context.ts";
import { Machine, type MachineHost } from "./machine.ts";
import { loadRecords } from "./record.ts";

export type HypervisorOptions = Omit<MachineHost, "onReboot">;

export class NspawnHypervisor implements Hypervisor {
  readonly #host: MachineHost;
  readonly #machines = new Map<number, Machine>();
  /** One call at a time per machine. */
  readonly #queues = new Map<number, LimitFunction>();

  private constructor(options: HypervisorOptions) {
    this.#host = { ...options, onReboot: (id) => this.#comeBack(id) };
  }

  /** Takes over the machines recorded in the lab's folder; all are off. */
  static async open(options: HypervisorOptions): Promise<NspawnHypervisor> {
    const hypervisor = new NspawnHypervisor(options);
    for (const record of loadRecords(options.ctx)) {
      const machine = new Machine(hypervisor.#host, record);
      hypervisor.#machines.set(record.spec.id, machine);
      await machine.connect();
    }
    return hypervisor;
  }

  /** A power cut for all machines. Disks and records stay. */
  async close(): Promise<void> {
    await Promise.all([...this.#machines.keys()].map((id) => this.powerOff(id)));
  }

  create(spec: MachineSpec): Promise<void> {
    return this.#inTurn(spec.id, async () => {
      if (this.#machines.has(spec.id))
        throw new Error(`server ${spec.id}: wanted a new machine, but it exists`);
      const record = { spec: { ...spec, sshKeys: [...spec.sshKeys] }, cards: [] };
      const machine = new Machine(this.#host, record);
      try {
        machine.format();
        await machine.connect();
        await machine.powerOn();
      } catch (error) {
        await machine.destroy();
        throw error;
      }
      this.#machines.set(spec.id, machine);
    });
  }

  delete(id: number): Promise<void> {
    return this.#inTurn(id, async () => {
      await this.#machines.get(id)?.destroy();
      this.#machines.delete(id);
      // What a creation or deletion that was cut short has left.
      rmSync(machineDir(this.#host.ctx, id), { recursive: true, force: true });
    });
  }

  rebuild(id: number, image: string, userData?: string): Promise<void> {
    return this.#with(id, async (machine) => {
      await machine.powerOff();
      machine.format({ ...machine.spec, image, userData: userData ?? machine.spec.userData });
      await machine.powerOn();
    });
  }

  powerOn(id: number): Promise<void> {
    return this.#with(id, (machine) => machine.powerOn());
  }

  powerOff(id: number): Promise<void> {
    return this.#with(id, (machine) => machine.powerOff());
  }

  /** Only the button is pressed in turn: a machine that doesn't stop must not keep a power cut waiting. */
  async shutdown(id: number): Promise<void> {
    await this.#with(id, async (machine) => machine.pressPowerButton());
    await this.#find(id).untilOff();
  }

  resize(id: number, memoryGb: number): Promise<void> {
    return this.#with(id, async (machine) => machine.resize(memoryGb));
  }

  attachNic(id: number, nic: Nic): Promise<void> {
    return this.#with(id, (machine) => machine.attach(nic));
  }

  detachNic(id: number, networkId: number): Promise<void> {
    return this.#with(id, (machine) => machine.detach(networkId));
  }

  setFirewall(id: number, rules: readonly InboundRule[] | undefined): Promise<void> {
    return this.#with(id, (machine) => machine.setRules(rules));
  }

  /** @throws Error when there is no such machine */
  state(id: number): PowerState {
    return this.#find(id).state;
  }

  #with(id: number, work: (machine: Machine) => Promise<void>): Promise<void> {
    return this.#inTurn(id, () => work(this.#find(id)));
  }

  #inTurn(id: number, work: () => Promise<void>): Promise<void> {
    const queue = this.#queues.get(id) ?? pLimit(1);
    this.#queues.set(id, queue);
    return queue(work);
  }

  #find(id: number): Machine {
    const machine = this.#machines.get(id);
    if (machine === undefined) throw new Error(`server ${id}: the lab has no such machine`);
    return machine;
  }

  #comeBack(id: number): void {
    this.#with(id, (machine) => machine.comeBack()).catch((error: Error) => this.#host.log(error.message));
  }
}
