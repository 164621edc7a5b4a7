/** The order of work of every layer's faults. */
import { messageOf } from "../engine/errors.ts";

export interface FaultsOptions<Fault> {
  readonly faults: readonly Fault[];
  /** Of each fault. */
  readonly runs: number;
  readonly seed: string;
  /** Leave the settings that faults changed as they are on the nodes: the next `up` puts them back. @default false */
  readonly keepSettings?: boolean;
  /** Aborted, the fault of the moment is ended and nothing more is done. */
  readonly signal: AbortSignal;
  /** One line of progress. */
  say(line: string): void;
}

export interface Rounds<Fault, Run> {
  /** Breaks something, mends it and measures. @param isFirst nothing was broken before by this command */
  once(fault: Fault, round: number, isFirst: boolean): Promise<Run>;
  /** False: the cluster stayed broken, and nothing more is done to it. */
  recovered(run: Run): boolean;
  /** Puts back what the faults of a round leave. */
  putBack?(): Promise<void>;
}

/**
 * Every fault, as often as asked for, one after the other. What was measured is never lost: what goes wrong later ends the work, and is
 * said. So fewer runs than were asked for are a failure, too.
 * @throws Error of the first fault, of which there is no run
 */
export async function runRounds<Fault, Run>(
  { faults, runs, seed, signal, say }: FaultsOptions<Fault>,
  { once, recovered, putBack = async () => undefined }: Rounds<Fault, Run>,
): Promise<readonly Run[]> {
  const done: Run[] = [];
  say(`seed ${seed}`);
  const round = async (number: number) => {
    for (const fault of faults) {
      signal.throwIfAborted();
      const run = await once(fault, number, done.length === 0);
      done.push(run);
      if (!recovered(run)) throw new Error("the cluster did not recover");
    }
  };
  for (let number = 0; number < runs; number++) {
    let failure: unknown;
    await round(number).catch((error: unknown) => {
      failure = error;
    });
    await putBack().catch((error: unknown) =>
      say(`not all was put back, \`make up\` does it: ${messageOf(error)}`),
    );
    if (failure === undefined) continue;
    if (done.length === 0) throw failure;
    say(`ended early: ${messageOf(failure)}`);
    return done;
  }
  return done;
}
