/** Runs faults against a living cluster, with clients that call its API all the time. */
import { setTimeout as sleep } from "node:timers/promises";
import { chances, pick } from "../../lib/chance.ts";
import type { OpsAccess } from "../../ops/access.ts";
import { etcdLeaderOf, type Status } from "../../ops/status/index.ts";
import { whileClientsCall } from "./clients.ts";
import type { Fault, World } from "./faults.ts";
import { requireHealthy } from "./recovery.ts";
import { type FaultRun, renderRun } from "./report.ts";
import { type FaultsOptions, runRounds } from "./rounds.ts";

/**
 * Every fault, as often as asked for, one after the other. Ends early when a cluster does not recover.
 * @throws Error before anything is touched when the cluster is not well
 */
export function runFaults(
  access: OpsAccess,
  world: World,
  options: FaultsOptions<Fault>,
): Promise<readonly FaultRun[]> {
  const chance = chances(options.seed);
  return runRounds(options, {
    async once(fault) {
      const run = await runFault(access, world, { fault, chance, signal: options.signal });
      options.say(renderRun(run));
      return run;
    },
    recovered: ({ backSeconds }) => backSeconds !== null,
  });
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
  const hit = { fault, victims, witness, etcdLeader: etcdLeaderOf(before) };
  return whileClientsCall(access, hit, async (ended) => {
    const began = performance.now();
    try {
      await Promise.all(victims.map((node) => fault.inject(world, node)));
      await sleep(fault.holdSeconds * 1000, undefined, { signal });
    } catch (error) {
      await heal();
      throw error;
    }
    const healed = fault.heal ? performance.now() : began;
    await heal();
    ended(healed);
  });
}

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
