/** From the cloud's records to what the hypervisor is told. */
import { nthAddress } from "../../lib/cidr.ts";
import { images, serverTypes } from "./catalog.ts";
import type { Hypervisor, InboundRule, MachineSpec, Nic, PowerState } from "./hypervisor.ts";
import type { Records, ServerRecord } from "./records.ts";
import type { Store } from "./store.ts";

/** A server as it should be. */
export interface WantedMachine {
  readonly spec: MachineSpec;
  readonly nics: readonly Nic[];
  /** Undefined: no firewall, everything passes. */
  readonly rules: readonly InboundRule[] | undefined;
  readonly power: PowerState;
}

/** The machine that the records describe. */
export function wantedMachine(store: Store, server: ServerRecord): WantedMachine {
  return {
    spec: {
      id: server.id,
      name: server.name,
      publicIp: server.public_ip,
      image: imageName(server.image),
      userData: server.user_data,
      sshKeys: server.ssh_keys,
      memoryGb: memoryOf(server.server_type),
    },
    nics: server.private_net.map((card) => nicOf(store, card)),
    rules: rulesOf(store, server),
    power: server.status === "off" || server.status === "stopping" ? "off" : "running",
  };
}

/** Of a server type, in GB. */
function memoryOf(name: string): number {
  const found = serverTypes.find((type) => type.name === name);
  if (found === undefined) throw new Error(`server type ${name}: not in the catalog any more`);
  return found.memory;
}

/** The catalog's name for an image. */
export function imageName(id: number): string {
  const found = images.find((image) => image.id === id);
  if (found === undefined) throw new Error(`image ${id}: not in the catalog any more`);
  return found.name;
}

/** A private card as the machine gets it. */
export function nicOf(store: Store, card: ServerRecord["private_net"][number]): Nic {
  const { id, ip_range } = store.get("networks", card.network);
  const gateway = nthAddress(ip_range, 1);
  return { networkId: id, ip: card.ip, ipRange: ip_range, gateway, mac: card.mac_address };
}

/** The rules of all firewalls of a server. Undefined when it has none; empty when nothing may pass. */
export function rulesOf(store: Store, server: ServerRecord): readonly InboundRule[] | undefined {
  if (server.firewalls.length === 0) return undefined;
  return server.firewalls.flatMap((id) => store.get("firewalls", id).rules.flatMap(inboundRule));
}

/** The lab has no IPv6: a rule for IPv6 sources alone lets nobody in, and must not become one for everybody. */
function inboundRule(rule: Records["firewalls"][number]["rules"][number]): readonly InboundRule[] {
  const sourceIps = rule.source_ips.filter((source) => !source.includes(":"));
  if (sourceIps.length === 0) return [];
  const port = rule.port === null || rule.port === "any" ? {} : { port: rule.port };
  return [{ protocol: rule.protocol, sourceIps, ...port }];
}

/** The state the machine is in, or undefined when there is no machine. */
export function stateOf(hypervisor: Hypervisor, id: number): PowerState | undefined {
  try {
    return hypervisor.state(id);
  } catch {
    return undefined; // The hypervisor's way to say that it has no such machine.
  }
}

/** Makes and boots a machine with everything it should have. */
export async function createMachine(hypervisor: Hypervisor, machine: WantedMachine): Promise<void> {
  await hypervisor.create(machine.spec);
  await connect(hypervisor, machine);
}

/** Brings a machine to where the records have it, after a restart of the lab. Touches none that runs as it should. */
export async function resumeMachine(
  hypervisor: Hypervisor,
  store: Store,
  server: ServerRecord,
): Promise<void> {
  const { id, status } = server;
  const state = stateOf(hypervisor, id);
  if (status === "deleting") {
    await hypervisor.delete(id);
    store.remove("servers", id);
    return;
  }
  const machine = wantedMachine(store, server);
  if (state === undefined) {
    await hypervisor.delete(id); // What a creation that was cut short may have left.
    await createMachine(hypervisor, machine);
    if (machine.power === "off") await hypervisor.powerOff(id);
  } else if (state !== machine.power || status !== state) {
    await connect(hypervisor, machine);
    if (status === "rebuilding") await hypervisor.rebuild(id, machine.spec.image, machine.spec.userData);
    else if (machine.power === "running") await hypervisor.powerOn(id);
    else await hypervisor.powerOff(id);
  }
  server.status = machine.power;
}

async function connect(hypervisor: Hypervisor, { spec, nics, rules }: WantedMachine): Promise<void> {
  await hypervisor.setFirewall(spec.id, rules);
  for (const nic of nics) await hypervisor.attachNic(spec.id, nic);
}
