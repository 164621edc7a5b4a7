/** A hypervisor without machines: it remembers what it was told, and can be slow. */
import type { Hypervisor, MachineSpec, PowerState } from "../../../lab/cloud/hypervisor.ts";

export interface FakeMachines extends Hypervisor {
  readonly specs: Map<number, MachineSpec>;
  /** Creates wait for it. @default - nothing to wait for */
  hold: Promise<void>;
}

export function fakeMachines(): FakeMachines {
  const specs = new Map<number, MachineSpec>();
  const power = new Map<number, PowerState>();
  const set = async (id: number, state: PowerState): Promise<void> => {
    power.set(id, state);
  };
  const nothing = async (): Promise<void> => {};
  return {
    specs,
    hold: Promise.resolve(),
    async create(spec) {
      await this.hold;
      specs.set(spec.id, spec);
      power.set(spec.id, "running");
    },
    async delete(id) {
      specs.delete(id);
      power.delete(id);
    },
    rebuild: nothing,
    resize: nothing,
    attachNic: nothing,
    detachNic: nothing,
    setFirewall: nothing,
    powerOn: (id) => set(id, "running"),
    powerOff: (id) => set(id, "off"),
    shutdown: (id) => set(id, "off"),
    state(id) {
      const state = power.get(id);
      if (state === undefined) throw new Error(`no machine ${id}`);
      return state;
    },
  };
}
