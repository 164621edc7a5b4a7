import { setTimeout as sleep } from "node:timers/promises";

/**
 * Polls until `probe` answers something else than `undefined`.
 * @param timeoutMs 0 probes once
 * @returns the answer, or `undefined` when time is up
 */
export async function waitFor<T>(
  probe: () => T | undefined,
  timeoutMs: number,
  pollMs = 10,
): Promise<T | undefined> {
  const end = Date.now() + timeoutMs;
  for (;;) {
    const answer = probe();
    if (answer !== undefined || Date.now() >= end) return answer;
    await sleep(pollMs);
  }
}
