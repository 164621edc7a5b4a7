/** A hypervisor that only writes down what it is told. */
import type { Hypervisor, InboundRule, MachineSpec, Nic, PowerState } from "../../../lab/cloud/hypervisor.ts";

type Method = Exclude<keyof Hypervisor, "state">;

export class RecordingHypervisor implements Hypervisor {
  /** In the order of their beginning, for example `powerOn 1005`. */
  readonly calls: string[] = [];
  readonly machines = new Map<number, PowerState>();
  readonly specs = new Map<number, MachineSpec>();
  readonly nics = new Map<number, Nic[]>();
  readonly rules = new Map<number, readonly InboundRule[] | undefined>();
  readonly #failures = new Map<Method, string>();
  readonly #gates = new Map<Method, PromiseWithResolvers<void>>();

  /** The next call of the method is rejected. */
  failNext(method: Method, message: string): void {
    this.#failures.set(method, message);
  }

  /** Calls of the method do not end before the returned function is called. */
  hold(method: Method): () => void {
    const gate = Promise.withResolvers<void>();
    this.#gates.set(method, gate);
    return gate.resolve;
  }

  /** Ends all calls that are held. */
  releaseAll(): void {
    for (const gate of this.#gates.values()) gate.resolve();
  }

  create(spec: MachineSpec): Promise<void> {
    return this.#do("create", spec.id, spec.name, () => {
      if (this.machines.has(spec.id)) throw new Error(`server ${spec.id} exists`);
      this.machines.set(spec.id, "running");
      this.specs.set(spec.id, spec);
    });
  }

  delete(id: number): Promise<void> {
    return this.#do("delete", id, "", () => {
      this.machines.delete(id);
    });
  }

  rebuild(id: number, image: string, userData?: string): Promise<void> {
    return this.#do("rebuild", id, `${image} ${userData}`, () => {
      this.machines.set(id, "running");
    });
  }

  powerOn(id: number): Promise<void> {
    return this.#do("powerOn", id, "", () => {
      this.machines.set(id, "running");
    });
  }

  powerOff(id: number): Promise<void> {
    return this.#do("powerOff", id, "", () => {
      this.machines.set(id, "off");
    });
  }

  shutdown(id: number): Promise<void> {
    return this.#do("shutdown", id, "", () => {
      this.machines.set(id, "off");
    });
  }

  resize(id: number, memoryGb: number): Promise<void> {
    return this.#do("resize", id, String(memoryGb), () => undefined);
  }

  attachNic(id: number, nic: Nic): Promise<void> {
    return this.#do("attachNic", id, nic.ip, () => {
      const others = (this.nics.get(id) ?? []).filter(({ networkId }) => networkId !== nic.networkId);
      this.nics.set(id, [...others, nic]);
    });
  }

  detachNic(id: number, networkId: number): Promise<void> {
    return this.#do("detachNic", id, String(networkId), () => {
      this.nics.set(
        id,
        (this.nics.get(id) ?? []).filter((nic) => nic.networkId !== networkId),
      );
    });
  }

  setFirewall(id: number, rules: readonly InboundRule[] | undefined): Promise<void> {
    return this.#do("setFirewall", id, rules === undefined ? "none" : `${rules.length} rules`, () => {
      this.rules.set(id, rules);
    });
  }

  state(id: number): PowerState {
    const state = this.machines.get(id);
    if (state === undefined) throw new Error(`server ${id}: no such machine`);
    return state;
  }

  async #do(method: Method, id: number, detail: string, effect: () => void): Promise<void> {
    this.calls.push(`${method} ${id} ${detail}`.trim());
    await this.#gates.get(method)?.promise;
    const failure = this.#failures.get(method);
    this.#failures.delete(method);
    if (failure !== undefined) throw new Error(failure);
    effect();
  }
}
