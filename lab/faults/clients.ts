/** Clients of the Kubernetes API while a fault lasts. */
import { allStarted } from "../../lib/all-started.ts";
import { apiCredentials, hasLoadBalancer, type OpsAccess } from "../../ops/access.ts";
import type { Measurement } from "../../ops/gaps.ts";
import { ApiProbe } from "../../ops/measure.ts";
import { waitFor } from "../../ops/wait.ts";
import { PORTS } from "../../plan/ports.ts";
import type { Fault } from "./faults.ts";
import { RECOVERY_SECONDS, secondsSince, untilRecovered } from "./recovery.ts";
import type { FaultRun } from "./report.ts";

/** What a fault does, and to whom. */
export interface Hit {
  readonly fault: Pick<Fault, "name" | "endsEtcd" | "apiSurvives">;
  readonly victims: readonly string[];
  /** A node that is none of them: a client uses its HAProxy. */
  readonly witness: string;
  /** Node of etcd's leader before. */
  readonly etcdLeader: string;
}

/**
 * What clients see from before a fault until all is well again.
 * @param breakAndMend does what the hit says, and tells when that has ended, in milliseconds of `performance.now()`
 */
export async function whileClientsCall(
  access: OpsAccess,
  { fault, victims, witness, etcdLeader }: Hit,
  breakAndMend: (ended: (at: number) => void) => Promise<void>,
): Promise<FaultRun> {
  const clients = await startClients(access, witness);
  const over = new AbortController();
  try {
    let healed = performance.now();
    let api: Promise<number | null> | undefined;
    await breakAndMend((at) => {
      healed = at;
      if (!fault.apiSurvives) api = untilApiAnswers(clients, at, over.signal);
    });
    const apiBackSeconds = await api;
    const backSeconds = await untilRecovered(access, healed, { layer: "all", seconds: RECOVERY_SECONDS });
    return {
      ...{ fault: fault.name, victims, witness },
      leaderHit: fault.endsEtcd && victims.includes(etcdLeader),
      apiSurvives: fault.apiSurvives,
      ...(apiBackSeconds !== undefined && { apiBackSeconds }),
      backSeconds,
      seen: await stopAll(clients),
    };
  } finally {
    over.abort();
    await stopAll(clients);
  }
}

type Clients = Readonly<Partial<Record<keyof FaultRun["seen"], ApiProbe>>>;

/** Through the load balancer if there is one, through one surviving node, and as a client that has all addresses. */
async function startClients({ exports }: OpsAccess, witness: string): Promise<Clients> {
  const credentials = apiCredentials(exports);
  const start = (addresses: readonly string[]) =>
    ApiProbe.start({ credentials, addresses, port: PORTS.kubernetesApi.port });
  const addresses: Readonly<Partial<Record<keyof Clients, readonly string[]>>> = {
    node: [exports.nodes[witness]?.publicIp ?? ""],
    dns: Object.values(exports.nodes).map(({ publicIp }) => publicIp),
    ...(hasLoadBalancer(exports) && { loadBalancer: exports.entry?.addresses ?? [] }),
  };
  const starting = Object.entries(addresses).map(async ([name, own]) => [name, await start(own)] as const);
  return Object.fromEntries(await allStarted(starting, ([, probe]) => probe.stop()));
}

/** Safe to repeat. */
async function stopAll(clients: Clients): Promise<FaultRun["seen"]> {
  const entries = await Promise.all(
    Object.entries(clients).map(async ([name, probe]) => [name, await probe.stop()] as const),
  );
  return Object.fromEntries(entries) as Record<string, Measurement>;
}

async function untilApiAnswers(clients: Clients, since: number, over: AbortSignal): Promise<number | null> {
  const probes = Object.values(clients);
  const back = await waitFor(async () => over.aborted || probes.every(({ answers }) => answers), {
    seconds: RECOVERY_SECONDS,
    everyMs: 100,
  });
  return back ? secondsSince(since) : null;
}
