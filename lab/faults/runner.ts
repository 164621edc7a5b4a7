/** Runs faults against a living cluster, with clients that call its API all the time. */
import { setTimeout as sleep } from "node:timers/promises";
import { chances, pick } from "../../lib/chance.ts";
import { apiCredentials, hasLoadBalancer, type OpsAccess } from "../../ops/access.ts";
import type { Measurement } from "../../ops/gaps.ts";
import { ApiProbe } from "../../ops/measure.ts";
import { pgStatus } from "../../ops/pg.ts";
import {
  isHealthy,
  postgresTroubles,
  readStatus,
  renderStatus,
  type Status,
} from "../../ops/status/index.ts";
import { waitFor } from "../../ops/wait.ts";
import { PORTS } from "../../plan/ports.ts";
import type { Fault, World } from "./faults.ts";
import { type FaultRun, renderRun } from "./report.ts";

/** A machine boots, its K3s starts, the node is Ready again and every HAProxy believes it. */
const RECOVERY_SECONDS = 240;
/** Between the two looks that must both find everything well. */
const CONFIRM_MS = 2000;

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
  const clients = await startClients(access, witness);
  try {
    await Promise.all(victims.map((node) => fault.inject(world, node)));
    const injected = performance.now();
    await sleep(fault.holdSeconds * 1000, undefined, { signal });
    const healed = fault.heal ? performance.now() : injected;
    await Promise.all(victims.map((node) => fault.heal?.(world, node)));
    const api = fault.apiSurvives ? undefined : await untilApiAnswers(clients, healed);
    const backSeconds = await untilRecovered(access, healed, { layer: "all", seconds: RECOVERY_SECONDS });
    const leader = etcdLeaderOf(before);
    return {
      fault: fault.name,
      victims,
      witness,
      leaderHit: fault.endsEtcd && victims.includes(leader),
      apiSurvives: fault.apiSurvives,
      ...(api !== undefined && { apiBackSeconds: api }),
      backSeconds,
      seen: await stopAll(clients),
    };
  } catch (error) {
    await Promise.all(victims.map((node) => fault.heal?.(world, node)));
    throw error;
  } finally {
    await stopAll(clients);
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

type Clients = Readonly<Partial<Record<keyof FaultRun["seen"], ApiProbe>>>;

/** Through the load balancer if there is one, through one surviving node, and as a client that has all addresses. */
async function startClients({ exports }: OpsAccess, witness: string): Promise<Clients> {
  const credentials = apiCredentials(exports);
  const start = (addresses: readonly string[]) =>
    ApiProbe.start({ credentials, addresses, port: PORTS.kubernetesApi.port });
  const ips = Object.values(exports.nodes).map(({ publicIp }) => publicIp);
  const [node, dns, loadBalancer] = await Promise.all([
    start([exports.nodes[witness]?.publicIp ?? ""]),
    start(ips),
    hasLoadBalancer(exports) ? start(exports.entry?.addresses ?? []) : undefined,
  ]);
  return { node, dns, ...(loadBalancer && { loadBalancer }) };
}

/** Safe to repeat. */
async function stopAll(clients: Clients): Promise<FaultRun["seen"]> {
  const entries = await Promise.all(
    Object.entries(clients).map(async ([name, probe]) => [name, await probe.stop()] as const),
  );
  return Object.fromEntries(entries) as Record<string, Measurement>;
}

async function untilApiAnswers(clients: Clients, since: number): Promise<number | null> {
  const probes = Object.values(clients);
  const back = await waitFor(async () => probes.every(({ answers }) => answers), {
    seconds: RECOVERY_SECONDS,
    everyMs: 100,
  });
  return back ? secondsSince(since) : null;
}

/** Seconds until the layer was well, seen twice; null when it was not in time. */
export async function untilRecovered(
  access: OpsAccess,
  since: number,
  { layer, seconds: patience }: { readonly layer: "all" | "postgres"; readonly seconds: number },
): Promise<number | null> {
  const look = async () => {
    if (layer === "postgres") return postgresTroubles(await pgStatus(access)).length === 0;
    return isHealthy(await readStatus(access)) && (await balancerIsContent(access));
  };
  const found = await waitFor(
    async () => {
      if (!(await look())) return undefined;
      const seconds = secondsSince(since);
      await sleep(CONFIRM_MS);
      return (await look()) ? seconds : undefined;
    },
    { seconds: patience },
  );
  return found ?? null;
}

async function balancerIsContent(access: OpsAccess): Promise<boolean> {
  if (!hasLoadBalancer(access.exports)) return true;
  return Object.values(await access.targetHealth()).every((health) => health === "healthy");
}

/** @throws Error with the status when something is not well */
export async function requireHealthy(access: OpsAccess): Promise<Status> {
  const found = await readStatus(access);
  if (isHealthy(found) && (await balancerIsContent(access))) return found;
  throw new Error(`no fault was injected: the cluster is not well\n${renderStatus(found)}`);
}

const secondsSince = (since: number): number => Math.round((performance.now() - since) / 100) / 10;
