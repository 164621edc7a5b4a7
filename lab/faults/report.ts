/** What faults did to clients, as lines, a table and a verdict. Pure. */
import { type Measurement, median } from "../../ops/gaps.ts";
import { renderTable, seconds } from "../../ops/table.ts";
import { LIMITS } from "./faults.ts";

/** One run of one fault; keys are only ever added. */
export interface FaultRun {
  readonly fault: string;
  readonly victims: readonly string[];
  /** The surviving node that one of the clients used. */
  readonly witness: string;
  /** The etcd member that died was the leader. */
  readonly leaderHit: boolean;
  /** False: the API was not expected to answer while it lasted. */
  readonly apiSurvives: boolean;
  /** After the end of a fault that takes the API away: seconds until it answered all clients; null: not in time. */
  readonly apiBackSeconds?: number | null;
  /** From the end of the fault until everything was well again, without help; null: not in time. */
  readonly backSeconds: number | null;
  /** By client. */
  readonly seen: Readonly<Partial<Record<Client, Measurement>>>;
}

const CLIENTS = { loadBalancer: "load balancer", node: "surviving node", dns: "all addresses" } as const;

type Client = keyof typeof CLIENTS;

const clientNames = Object.keys(CLIENTS) as Client[];

/** Milliseconds that a client may be without an answer. */
function limitOf({ leaderHit, apiSurvives }: FaultRun, client: Client): number {
  if (!apiSurvives) return Number.POSITIVE_INFINITY;
  return client === "node" && leaderHit ? LIMITS.nodeWithoutLeader : LIMITS[client];
}

/** What was not as promised, a sentence each. */
export const missesOf = (run: FaultRun): readonly string[] => [...delaysOf(run), ...harmOf(run)];

/** Clients that were longer without an answer than promised, and by more than the slack. */
export function delaysOf(run: FaultRun, slackMs = 0): readonly string[] {
  return clientNames.flatMap((client) => {
    const gap = run.seen[client]?.longestGapMs ?? 0;
    const limit = limitOf(run, client);
    return gap > limit + slackMs
      ? [`${CLIENTS[client]} ${seconds(gap)} s, wanted at most ${limit / 1000} s`]
      : [];
  });
}

/** What must not happen a single time. */
export const harmOf = ({ apiBackSeconds, backSeconds }: FaultRun): readonly string[] => [
  ...(apiBackSeconds === null ? ["the API did not come back"] : []),
  ...(backSeconds === null ? ["the cluster did not recover"] : []),
];

/** `load balancer 6.00 s, surviving node 1.50 s, all addresses 1.00 s` */
export const renderGaps = ({ seen }: Pick<FaultRun, "seen">): string =>
  clientNames
    .flatMap((client) => (seen[client] ? [`${CLIENTS[client]} ${seconds(seen[client].longestGapMs)} s`] : []))
    .join(", ");

/** One line of progress. */
export function renderRun(run: FaultRun): string {
  const leader = run.leaderHit ? " (etcd's leader)" : "";
  const back = run.backSeconds === null ? "NOT BACK" : `back after ${run.backSeconds} s`;
  const misses = missesOf(run);
  const verdict = misses.length > 0 ? `: MISSED: ${misses.join("; ")}` : "";
  return `${run.fault} ${run.victims.join(" ")}${leader}: gaps ${renderGaps(run)}; ${back}${verdict}`;
}

/** The screen: one row a fault, then the verdict. */
export function renderFaults(runs: readonly FaultRun[], seed: string): string {
  const names = [...new Set(runs.map(({ fault }) => fault))];
  const rows = names.map((name) => {
    const own = runs.filter(({ fault }) => fault === name);
    return [
      name,
      String(own.length),
      String(own.filter(({ leaderHit }) => leaderHit).length),
      ...clientNames.map((client) => spread(own.flatMap(({ seen }) => seen[client]?.longestGapMs ?? []))),
      spread(own.map(({ backSeconds }) => (backSeconds ?? Number.POSITIVE_INFINITY) * 1000)),
      own.some((run) => missesOf(run).length > 0) ? "MISSED" : "",
    ];
  });
  const head = ["fault", "runs", "leader hit", ...Object.values(CLIENTS), "back after", ""];
  const missed = runs.filter((run) => missesOf(run).length > 0);
  return [
    renderTable(head, rows),
    "Seconds, median / worst: longest time without an answer by client; time until all was well.",
    `Limits: load balancer ${LIMITS.loadBalancer / 1000}, surviving node ${LIMITS.node / 1000} ` +
      `(${LIMITS.nodeWithoutLeader / 1000} when etcd's leader died), all addresses ${LIMITS.dns / 1000}. Seed ${seed}.`,
    missed.length === 0
      ? `All ${runs.length} runs passed.`
      : `${missed.length} of ${runs.length} runs missed.`,
  ].join("\n");
}

/** `median / worst`, in seconds. */
export function spread(values: readonly number[]): string {
  if (values.length === 0) return "–";
  const text = (ms: number) => (Number.isFinite(ms) ? seconds(ms) : "never");
  return `${text(median(values))} / ${text(Math.max(...values))}`;
}
