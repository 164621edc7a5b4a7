/** What writers were told, and whether it was true. Pure. Times are milliseconds since 1970: writers are several processes. */
import type { Call } from "../../../ops/gaps.ts";

/** Ways that clients come by. */
export const PATHS = {
  node: "one node's HAProxy",
  nodes: "all nodes in turn",
  service: "postgres-primary",
  pooler: "PgBouncer",
} as const;

export type Path = keyof typeof PATHS;

export const paths = Object.keys(PATHS) as readonly Path[];

/** One insert that a writer tried. */
export interface Attempt extends Call {
  /** Number of the row, unique within the path. */
  readonly n: number;
  /** Of the server that acknowledged it; absent when nobody did. */
  readonly timeline?: number;
  /** Address of that server. */
  readonly server?: string;
}

/** Two servers' acknowledgements pass through different queues on their way to us. */
const REORDERED_MS = 100;

const acked = (attempts: readonly Attempt[]): readonly Attempt[] =>
  attempts.filter(({ error }) => error === undefined);

/** Rows that were acknowledged and are not there. What was not acknowledged may be there or not. */
export function lostRows(attempts: readonly Attempt[], present: ReadonlySet<number>): readonly number[] {
  return acked(attempts).flatMap(({ n }) => (present.has(n) ? [] : [n]));
}

/** Acknowledgements of an older timeline, or of another server on the same one, after a newer one had begun to serve. */
export function splitBrainAcks(attempts: readonly Attempt[]): readonly Attempt[] {
  const inOrder = [...acked(attempts)].sort((a, b) => a.ended - b.ended);
  const firstOf = new Map<number, Attempt>();
  for (const each of inOrder) {
    const { timeline = 0 } = each;
    if (!firstOf.has(timeline)) firstOf.set(timeline, each);
  }
  const firsts = [...firstOf];
  return inOrder.filter(({ timeline = 0, server, ended }) => {
    const superseded = firsts.some(
      ([newer, first]) => newer > timeline && first.ended + REORDERED_MS < ended,
    );
    return superseded || firstOf.get(timeline)?.server !== server;
  });
}

/** Longest time without an acknowledgement that ended after `since`, without the writer's own pause; to `until` if it is still open. */
export function longestGapMs(
  attempts: readonly Attempt[],
  {
    since,
    until,
    intervalMs,
  }: { readonly since: number; readonly until: number; readonly intervalMs: number },
): number {
  const times = acked(attempts)
    .map(({ ended }) => ended)
    .filter((ended) => ended <= until)
    .sort((a, b) => a - b);
  const gaps = [...times, until].map((ended, i, all) => ({
    ended,
    ms: ended - (all[i - 1] ?? ended) - intervalMs,
  }));
  return Math.max(0, ...gaps.filter(({ ended }) => ended > since).map(({ ms }) => ms));
}

/** Lines of writer.py. A line that was cut off is none. */
export function parseAttempts(lines: string): readonly Attempt[] {
  return lines.split("\n").flatMap((line) => {
    try {
      return line.startsWith("{") ? [JSON.parse(line) as Attempt] : [];
    } catch {
      return [];
    }
  });
}
