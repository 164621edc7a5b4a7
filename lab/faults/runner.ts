/** Runs faults against a living cluster, with clients that call its API all the time. */
import { setTimeout as sleep } from "node:timers/promises";
import { chances, pick } from "../../lib/chance.ts";
import type { OpsAccess } from "../../ops/access.ts";
import type { Status } from "../../ops/status/index.ts";
import { whileClientsCall } from "./clients.ts";
import type { Fault, World } from "./faults.ts";
import { requireHealthy } from "./recovery.ts";
import { type FaultRun, renderRun } from "./report.ts";

export interface FaultsOptions {
  readonly faults: readonly Fault[];
  /** Of each fault. */
  readonly runs: number;
  readonly seed: string;
  /** Aborted, the fault of the moment is ended and nothing more is done. */
  readonly signal: AbortSignal;
  /** One line of progress. */
  say(line: string): void;
}

/**
 * Every fault, as often as asked for, one after the other. Ends early when a cluster does not recover.
 * @throws Error before anything is touched when the cluster is not well
 */
export async function runFaults(
  access: OpsAccess,
  world: World,
  options: FaultsOptions,
): Promise<readonly FaultRun[]> {
  const { faults, seed, signal, say } = options;
  const chance = chances(seed);
  const done: FaultRun[] = [];
  say(`seed ${seed}`);
  for (let round = 0; round < options.runs; round++) {
    for (const fault of faults) {
      const run = await runFault(access, world, { fault, chance, signal });
      say(renderRun(run));
      done.push(run);
      if (run.backSeconds === null) return done;
    }
  }
  return done;
}

async function runFault(
  access: OpsAccess,
  world: World,
  {
    fault,
    chance,
    signal,
  }: { readonly fault: Fault; readonly chance: () => number; readonly signal: AbortSignal },
): Promise<FaultRun> {
  const before = await requireHealthy(access);
  const { victims, witness } = choose(fault, before, chance);
  const heal = () => Promise.all(victims.map((node) => fault.heal?.(world, node)));
  try {
    const hit = { fault, victims, witness, etcdLeader: etcdLeaderOf(before) };
    return await whileClientsCall(access, hit, async (ended) => {
      await Promise.all(victims.map((node) => fault.inject(world, node)));
      const injected = performance.now();
      await sleep(fault.holdSeconds * 1000, undefined, { signal });
      const healed = fault.heal ? performance.now() : injected;
      await heal();
      ended(healed);
    });
  } catch (error) {
    await heal();
    throw error;
  }
}

/** Node of etcd's leader; empty while there is none. */
export const etcdLeaderOf = ({ etcd }: Pick<Status, "etcd">): string =>
  etcd.members.find((member) => member.leader)?.name ?? "";

/** Victims by chance, and a node that is none, whose HAProxy a client uses. */
export function choose(
  { victims: count }: Pick<Fault, "victims">,
  { nodes }: Pick<Status, "nodes">,
  chance: () => number,
): { readonly victims: readonly string[]; readonly witness: string } {
  const left = nodes.map(({ name }) => name);
  const take = () => {
    const name = pick(chance, left);
    left.splice(left.indexOf(name), 1);
    return name;
  };
  const victims = Array.from({ length: count }, take).sort();
  return { victims, witness: take() };
}
