/** What faults of Postgres did to its clients, as lines, a table and a verdict. Pure. */
import { renderTable, seconds } from "../../../ops/table.ts";
import {
  delaysOf as delaysOfApi,
  type FaultRun,
  harmOf as harmOfApi,
  renderGaps,
  spread,
} from "../report.ts";
import { PATHS, type Path, paths } from "./acks.ts";

/** What the writer of one path saw. */
export interface PathSeen {
  readonly acked: number;
  /** Acknowledged rows that are not there. */
  readonly lost: number;
  /** Acknowledgements of a server that was not the primary any more. */
  readonly splitBrain: number;
  /** Longest time without an acknowledgement. */
  readonly longestGapMs: number;
}

/** One run of one fault; keys are only ever added. */
export interface PostgresRun {
  readonly fault: string;
  /** Instance that led when it began, and its node. */
  readonly leader: string;
  readonly node: string;
  /** Node of etcd's leader then. */
  readonly etcdLeader: string;
  /** When it was injected, RFC 3339. */
  readonly injected: string;
  readonly limitMs: number;
  /** The negative control. */
  readonly losesRows: boolean;
  /** From the end of the fault until all members were on one timeline again, without help; null: not in time. */
  readonly backSeconds: number | null;
  readonly seen: Readonly<Record<Path, PathSeen>>;
  /** What clients of the Kubernetes API saw, where the fault is one of nodes, too. */
  readonly api?: FaultRun;
}

/** What was not as promised, a sentence each. */
export const missesOf = (run: PostgresRun): readonly string[] => [...harmOf(run), ...delaysOf(run)];

/** What must not happen a single time. */
export function harmOf({ seen, losesRows, backSeconds, api }: PostgresRun): readonly string[] {
  const ofPaths = paths.flatMap((path) => {
    const { acked, lost, splitBrain } = seen[path];
    const name = PATHS[path];
    return [
      ...(acked === 0 ? [`${name}: nothing was written`] : []),
      ...(lost > 0 && !losesRows ? [`${name}: ${lost} ACKNOWLEDGED ROWS LOST`] : []),
      ...(splitBrain > 0 ? [`${name}: ${splitBrain} rows acknowledged by a SECOND PRIMARY`] : []),
    ];
  });
  const blind = losesRows && paths.every((path) => seen[path].lost === 0);
  return [
    ...ofPaths,
    ...(blind ? ["no row was lost: this detector proves nothing"] : []),
    ...(backSeconds === null ? ["the cluster did not recover"] : []),
    ...(api ? harmOfApi(api).map((harm) => `API: ${harm}`) : []),
  ];
}

/** What may be longer than promised before it counts, in milliseconds. */
export interface Slack {
  /** Of a time without an acknowledgement, or without an answer of the API. */
  readonly gapMs: number;
  /** Of the time until all members are on one timeline. */
  readonly backMs: number;
}

/** After a fault's end, seconds: three members on one timeline, a synchronous standby. A node that was off boots first. */
export const BACK_SECONDS = 60;

/** Ways that were longer without an acknowledgement than promised, and by more than the slack; likewise the rest. */
export function delaysOf(
  { seen, limitMs, api, backSeconds }: PostgresRun,
  slack: Slack = { gapMs: 0, backMs: 0 },
): readonly string[] {
  const late = paths.filter((path) => seen[path].longestGapMs > limitMs + slack.gapMs);
  return [
    ...late.map(
      (path) => `${PATHS[path]}: ${seconds(seen[path].longestGapMs)} s, wanted at most ${limitMs / 1000} s`,
    ),
    ...((backSeconds ?? 0) * 1000 > BACK_SECONDS * 1000 + slack.backMs
      ? [`back after ${backSeconds} s, wanted at most ${BACK_SECONDS} s`]
      : []),
    ...(api ? delaysOfApi(api, slack.gapMs).map((delay) => `API: ${delay}`) : []),
  ];
}

/** One line of progress. */
export function renderPostgresRun(run: PostgresRun): string {
  const gaps = paths.map((path) => `${PATHS[path]} ${seconds(run.seen[path].longestGapMs)} s`).join(", ");
  const sum = (key: "acked" | "lost" | "splitBrain") =>
    paths.reduce((total, path) => total + run.seen[path][key], 0);
  const back = run.backSeconds === null ? "NOT BACK" : `back after ${run.backSeconds} s`;
  const misses = missesOf(run);
  return (
    `${run.fault} at ${run.injected}, ${run.leader} on ${run.node} led, etcd's leader on ${run.etcdLeader}: ` +
    `${sum("acked")} rows, ${sum("lost")} lost, ${sum("splitBrain")} by a second primary; gaps ${gaps}; ${back}` +
    (run.api ? `; API: gaps ${renderGaps(run.api)}, back after ${run.api.backSeconds ?? "NEVER"} s` : "") +
    (misses.length > 0 ? `: MISSED: ${misses.join("; ")}` : "")
  );
}

/** The screen: a row for each fault and path, then the verdict. */
export function renderPostgresFaults(runs: readonly PostgresRun[], seed: string): string {
  const names = [...new Set(runs.map(({ fault }) => fault))];
  const rows = names.flatMap((name) =>
    paths.map((path) =>
      rowOf(
        runs.filter(({ fault }) => fault === name),
        path,
      ),
    ),
  );
  const head = ["fault", "path", "runs", "rows", "lost", "split brain", "gap", "back after", ""];
  const missed = runs.filter((run) => missesOf(run).length > 0);
  return [
    renderTable(head, rows),
    "Seconds, median / worst: longest time without an acknowledgement; time until three members were on one timeline.",
    `Rows that the control loses are wanted. Seed ${seed}.`,
    ...missed.map((run) => `MISSED ${run.fault}: ${missesOf(run).join("; ")}`),
    missed.length === 0
      ? `All ${runs.length} runs passed.`
      : `${missed.length} of ${runs.length} runs missed.`,
  ].join("\n");
}

function rowOf(runs: readonly PostgresRun[], path: Path): string[] {
  const total = (key: "acked" | "lost" | "splitBrain") =>
    String(runs.reduce((sum, { seen }) => sum + seen[path][key], 0));
  const missed = runs.some((run) => missesOf(run).length > 0);
  return [
    ...[
      runs[0]?.fault ?? "",
      PATHS[path],
      String(runs.length),
      total("acked"),
      total("lost"),
      total("splitBrain"),
    ],
    spread(runs.map(({ seen }) => seen[path].longestGapMs)),
    spread(runs.map(({ backSeconds }) => (backSeconds ?? Number.POSITIVE_INFINITY) * 1000)),
    missed ? "MISSED" : "",
  ];
}
