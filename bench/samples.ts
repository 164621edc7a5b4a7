/** What load.sh printed, and ratios of two ways that took turns. Pure. */
import { median } from "../ops/gaps.ts";

/** One run of load.sh. */
export interface Sample {
  readonly perSecond: number;
  /** Median time of a call. */
  readonly medianMs: number;
  /** Ninety-nine of a hundred calls took no longer. */
  readonly p99Ms: number;
}

/** @throws Error when the text is not load.sh's */
export function parseSample(text: string): Sample {
  const lines = text.trim().split("\n");
  const wall = Number(/^wall ([\d.]+)$/.exec(lines.at(-1) ?? "")?.[1]);
  const times = lines.slice(0, -1).map((line) => Number(line) * 1000);
  if (!(wall > 0) || times.length === 0 || times.some(Number.isNaN)) {
    throw new Error(`wanted a time per call and the wall time, got:\n${text.slice(0, 500)}`);
  }
  const sorted = [...times].sort((a, b) => a - b);
  return {
    perSecond: times.length / wall,
    medianMs: median(times),
    p99Ms: sorted[Math.ceil(sorted.length * 0.99) - 1] ?? 0,
  };
}

export interface Spread {
  readonly median: number;
  readonly lowest: number;
  readonly highest: number;
}

export function spread(values: readonly number[]): Spread {
  return { median: median(values), lowest: Math.min(...values), highest: Math.max(...values) };
}

/** Of each turn: the second way's value by the first one's, so that unrest of the machine falls on both. */
export function ratios(first: readonly number[], second: readonly number[]): Spread {
  return spread(second.map((value, turn) => value / (first[turn] ?? Number.NaN)));
}

/** `1.23 (1.10–1.40)`. */
export function renderSpread({ median: middle, lowest, highest }: Spread, digits: number): string {
  return `${middle.toFixed(digits)} (${lowest.toFixed(digits)}–${highest.toFixed(digits)})`;
}
