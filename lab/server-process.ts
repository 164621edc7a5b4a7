/** Servers that the daemon starts beside its machines, as processes whose output is a log file. */
import type { ChildProcess } from "node:child_process";
import { once } from "node:events";
import { readFileSync } from "node:fs";
import { setTimeout as sleep } from "node:timers/promises";

const START_TIMEOUT_MS = 20_000;
const POLL_MS = 50;
const ERROR_LINES = 10;

/** What a server said last. */
export const lastLines = (logFile: string): string =>
  readFileSync(logFile, "utf8").trimEnd().split("\n").slice(-ERROR_LINES).join("\n");

interface Start {
  isReady(): Promise<boolean>;
  readonly logFile: string;
  /** Begin of the error: what was wanted, and did not come. */
  readonly wanted: string;
}

/**
 * Resolves when a server that was just spawned is ready.
 * @throws Error with its last lines when it has ended or takes longer than 20 s; it is killed then
 */
export async function untilReady(child: ChildProcess, { isReady, logFile, wanted }: Start): Promise<void> {
  const end = Date.now() + START_TIMEOUT_MS;
  const failed = once(child, "error").then(([error]: Error[]) => error?.message);
  while (!(await isReady())) {
    const hasEnded = child.exitCode !== null || child.signalCode !== null || child.pid === undefined;
    if (!hasEnded && Date.now() < end) {
      await sleep(POLL_MS);
      continue;
    }
    child.kill("SIGKILL");
    const why = child.pid === undefined ? await failed : lastLines(logFile);
    throw new Error(`${wanted}: ${why}`);
  }
}
