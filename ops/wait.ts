import { setTimeout as sleep } from "node:timers/promises";

export interface Patience {
  readonly seconds: number;
  /** Between two looks. @default 500 */
  readonly everyMs?: number;
}

/** Looks until it finds something or time is over; then it answers undefined. A look that throws has found nothing. */
export async function waitFor<T>(
  look: () => Promise<T | undefined | false>,
  { seconds, everyMs = 500 }: Patience,
): Promise<T | undefined> {
  const deadline = performance.now() + seconds * 1000;
  for (;;) {
    const found = await look().catch(() => undefined);
    if (found !== undefined && found !== false) return found;
    if (performance.now() > deadline) return undefined;
    await sleep(everyMs);
  }
}
