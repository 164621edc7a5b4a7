/** What pgbench printed. Pure. */

/** One run of pgbench. */
export interface PgbenchSample {
  /** Transactions a second. */
  readonly perSecond: number;
  /** Mean time of a transaction, with the connection's own where each has a new one. */
  readonly latencyMs: number;
}

/** @throws Error when the text is not pgbench's, or when transactions failed */
export function parsePgbench(text: string): PgbenchSample {
  const number = (pattern: RegExp) => Number(pattern.exec(text)?.[1] ?? Number.NaN);
  const sample = {
    perSecond: number(/^tps = ([\d.]+)/m),
    latencyMs: number(/^latency average = ([\d.]+) ms/m),
  };
  const failed = number(/^number of failed transactions: (\d+)/m);
  if (!(sample.perSecond > 0) || !(sample.latencyMs > 0) || failed !== 0) {
    throw new Error(`wanted pgbench's rate, latency and no failed transaction, got:\n${text.slice(0, 500)}`);
  }
  return sample;
}
