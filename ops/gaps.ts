/** Statistics of a client that calls all the time: how long it was without an answer. Pure. */

/** One call of the client. Times are milliseconds of one monotonic clock. */
export interface Call {
  readonly began: number;
  readonly ended: number;
  /** Why it failed; undefined for an answer. */
  readonly error?: string;
}

/** A time without an answer. */
interface Gap {
  /** When it ended: the next answer, or the end of the measurement. */
  readonly ended: number;
  /** From one answer to the next, without the client's own pause between two calls. */
  readonly ms: number;
}

export interface Measurement {
  readonly calls: number;
  readonly errors: number;
  /** Of the answered calls; 0 when there were none. */
  readonly medianMs: number;
  readonly longestGapMs: number;
  /** Those that somebody would notice, in order. */
  readonly gaps: readonly Gap[];
  /** How often each error came. */
  readonly reasons: Readonly<Record<string, number>>;
}

export interface Window {
  /** Pause that the client makes between two calls. */
  readonly intervalMs: number;
  /** Calls that ended after this count. @default all */
  readonly from?: number;
  /** Calls that ended up to now count; without an answer since, the gap is still open and counts so far. */
  readonly until: number;
}

/** Shorter ones are the client's and the machine's own unrest. */
const NOTICEABLE_MS = 250;

/** What a client saw in a part of its time. A gap belongs to the part that it ended in. */
export function summarize(calls: readonly Call[], { intervalMs, from = 0, until }: Window): Measurement {
  const own = calls.filter(({ ended }) => ended > from && ended <= until);
  const answered = own.filter(({ error }) => error === undefined);
  const gaps = gapsOf(calls, until, intervalMs).filter(({ ended }) => ended > from);
  return {
    calls: own.length,
    errors: own.length - answered.length,
    medianMs: round(median(answered.map(({ began, ended }) => ended - began))),
    longestGapMs: round(Math.max(0, ...gaps.map(({ ms }) => ms))),
    gaps: gaps
      .filter(({ ms }) => ms >= NOTICEABLE_MS)
      .map(({ ended, ms }) => ({ ended: round(ended), ms: round(ms) })),
    reasons: countReasons(own),
  };
}

/** The middle one, or the mean of the middle two; 0 for none. */
export function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  const [low = 0, high = low] = [sorted[(sorted.length - 1) >> 1], sorted[sorted.length >> 1]];
  return (low + high) / 2;
}

function gapsOf(calls: readonly Call[], until: number, intervalMs: number): readonly Gap[] {
  const answers = calls
    .filter(({ error, ended }) => error === undefined && ended <= until)
    .map(({ ended }) => ended);
  const [first, ...later] = [...answers, until];
  let before = first ?? until;
  return later.map((ended) => {
    const gap = { ended, ms: Math.max(0, ended - before - intervalMs) };
    before = ended;
    return gap;
  });
}

function countReasons(calls: readonly Call[]): Readonly<Record<string, number>> {
  const counts: Record<string, number> = {};
  for (const { error } of calls) if (error !== undefined) counts[error] = (counts[error] ?? 0) + 1;
  return counts;
}

const round = (value: number): number => Math.round(value * 10) / 10;
