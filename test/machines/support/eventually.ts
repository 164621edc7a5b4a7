import { setTimeout as sleep } from "node:timers/promises";

/** Repeats an assertion until it holds; fails with its last error when time is up. */
export async function eventually(assertion: () => Promise<void> | void, timeoutMs = 20_000): Promise<void> {
  const end = Date.now() + timeoutMs;
  for (;;) {
    try {
      return await assertion();
    } catch (error) {
      if (Date.now() > end) throw error;
      await sleep(100);
    }
  }
}
