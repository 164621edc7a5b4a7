/** Runs faults of Postgres against a living cluster, while writers count what is acknowledged. */
import { setTimeout as sleep } from "node:timers/promises";
import { chances } from "../../../lib/chance.ts";
import type { OpsAccess } from "../../../ops/access.ts";
import { etcdLeaderOf, readStatus } from "../../../ops/status/index.ts";
import { type Hit, whileClientsCall } from "../clients.ts";
import type { World } from "../faults.ts";
import { requireHealthy, untilHealthy, untilRecovered } from "../recovery.ts";
import { type FaultsOptions, runRounds } from "../rounds.ts";
import { type Attempt, longestGapMs, lostRows, type Path, paths, splitBrainAcks } from "./acks.ts";
import type { OfNodes, PostgresFault } from "./faults.ts";
import { BACK_SECONDS, missesOf, type PathSeen, type PostgresRun, renderPostgresRun } from "./report.ts";
import { type Scene, sceneOf } from "./scene.ts";
import { INTERVAL_MS, now, startWriters, stopWriters, takeRows } from "./writers.ts";

/** Longer than promised: how late it is tells more than that it is late. */
const RECOVERY_SECONDS = 3 * BACK_SECONDS;
/** Everything else of a node: Kubernetes, every HAProxy. The next fault waits for it. */
const SETTLE_SECONDS = 240;
/** Before a fault: writers have their connections, and a rate to be compared with. */
const WARM_UP_MS = 3000;

/**
 * Every fault, as often as asked for, one after the other. Ends early when a cluster does not recover.
 * @throws Error before anything is touched when the cluster is not well
 */
export function runPostgresFaults(
  access: OpsAccess,
  world: World,
  options: FaultsOptions<PostgresFault>,
): Promise<readonly PostgresRun[]> {
  const { seed, signal, say } = options;
  const chance = chances(seed);
  return runRounds(options, {
    async once(fault, round, isFirst) {
      say(`${fault.name}: ${fault.text}`);
      const status = await (isFirst ? requireHealthy(access) : untilHealthy(access, SETTLE_SECONDS));
      const scene = sceneOf(world, status, chance);
      const run = await runFault(access, scene, { fault, run: `${seed}-${round}-${fault.name}`, signal });
      say(renderPostgresRun(run));
      if (missesOf(run).length > 0) say(await lastWords(scene));
      return run;
    },
    recovered: ({ backSeconds, api }) => backSeconds !== null && api?.backSeconds !== null,
    // Once a round, and not after each fault that changed one: it costs every member a restart.
    async putBack() {
      if (options.keepSettings || !world.hasOtherSettings()) return;
      await untilHealthy(access, SETTLE_SECONDS);
      await world.restoreSettings();
      await untilHealthy(access, SETTLE_SECONDS);
    },
  });
}

interface Task {
  readonly fault: PostgresFault;
  /** Marks this run's rows. */
  readonly run: string;
  readonly signal: AbortSignal;
}

async function runFault(access: OpsAccess, scene: Scene, task: Task): Promise<PostgresRun> {
  const { fault } = task;
  try {
    await fault.prepare?.(scene);
    // Preparations may have moved it.
    const etcdLeader = fault.prepare ? etcdLeaderOf(await readStatus(access)) : scene.etcdLeader;
    const set = { ...scene, etcdLeader };
    if (!fault.ofNodes) return await whileClientsWrite(access, set, task, () => undefined);
    let run: PostgresRun | undefined;
    const api = await whileClientsCall(access, hitOf(fault.ofNodes, set), async (ended) => {
      run = await whileClientsWrite(access, set, task, ended);
    });
    if (!run) throw new Error(`${fault.name}: nothing was measured`);
    return { ...run, api };
  } finally {
    await fault.restore?.(scene);
  }
}

function hitOf({ fault, victims: victimsOf }: OfNodes, scene: Scene): Hit {
  const victims = victimsOf(scene);
  const nodes = [scene.witness, scene.leader.node, ...scene.replicas.map(({ node }) => node)];
  const witness = nodes.find((node) => !victims.includes(node)) ?? scene.witness;
  return { fault, victims, witness, etcdLeader: scene.etcdLeader };
}

/** The fault, from before it begins until Postgres is well again. */
async function whileClientsWrite(
  access: OpsAccess,
  scene: Scene,
  { fault, run, signal }: Task,
  ended: (at: number) => void,
): Promise<PostgresRun> {
  const writers = await startWriters(access, scene.world, { run, witness: scene.witness });
  try {
    await sleep(WARM_UP_MS, undefined, { signal });
    const [injected, began] = [now(), performance.now()];
    await fault.inject(scene);
    await sleep(fault.holdSeconds * 1000, undefined, { signal });
    const healed = performance.now();
    await fault.heal?.(scene);
    ended(fault.heal ? healed : began);
    const backSeconds = await untilRecovered(access, healed, {
      ...{ layer: "postgres", seconds: RECOVERY_SECONDS },
    });
    const until = now();
    const attempts = await stopWriters(writers);
    const rows = await takeRows(writers);
    const seen = paths.map((path) => {
      const present = rows.get(path) ?? new Set<number>();
      return [path, judge(attempts[path], present, { since: injected, until })] as const;
    });
    return {
      ...{ fault: fault.name, leader: scene.leader.name, node: scene.leader.node },
      ...{ etcdLeader: scene.etcdLeader, injected: new Date(injected).toISOString() },
      ...{ limitMs: fault.limitMs, losesRows: fault.losesRows ?? false, backSeconds },
      seen: Object.fromEntries(seen) as Record<Path, PathSeen>,
    };
  } catch (error) {
    await fault.heal?.(scene);
    await stopWriters(writers).catch(() => undefined);
    throw error;
  }
}

function judge(
  attempts: readonly Attempt[],
  present: ReadonlySet<number>,
  window: { readonly since: number; readonly until: number },
): PathSeen {
  return {
    acked: attempts.filter(({ error }) => error === undefined).length,
    lost: lostRows(attempts, present).length,
    splitBrain: splitBrainAcks(attempts).length,
    longestGapMs: longestGapMs(attempts, { ...window, intervalMs: INTERVAL_MS }),
  };
}

/** What members said last, for the person who looks into a miss. */
async function lastWords({ world, leader, replicas }: Scene): Promise<string> {
  const logs = [leader, ...replicas].map(async ({ name }) => {
    const log = await world
      .kubectl(["-n", "postgres-cluster", "logs", name, "-c", "postgres", "--tail=20"])
      .catch(String);
    return `--- ${name}\n${log}`;
  });
  return (await Promise.all(logs)).join("\n");
}
