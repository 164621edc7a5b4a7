import type { Lab } from "../lab.ts";
import { isInside, runInLab } from "../shell.ts";

/** What every file of commands gets. */
export interface CommandContext {
  readonly lab: Lab;
  /** Takes the exit code. */
  done(code: number): void;
}

/** Commands that look at machines run again inside the lab's network. Answers the exit code. */
export async function inside(lab: Lab, body: () => Promise<number>): Promise<number> {
  if (isInside()) return body();
  return runInLab(lab.ctx, [process.execPath, ...process.argv.slice(1)]);
}

export const print = (text: string): void => void process.stdout.write(`${text}\n`);
