/** Faults as tests judge them. */
import { expect } from "vitest";
import { seedOf } from "../../support/chance.ts";
import type { Checkout } from "./checkout.ts";

/** How one layer's runs are read. */
export interface Verdict<Run> {
  readonly layer: "api" | "postgres";
  /** What must not happen a single time. */
  harmOf(run: Run): readonly string[];
  /** Where clients waited longer than promised, and by more than the slack. */
  delaysOf(run: Run, slackMs: number): readonly string[];
  render(run: Run): string;
}

/**
 * More than is promised: here three nodes and their clients share two processors, and when etcd is away K3s starts again and again on each.
 * What is broken costs clients twenty seconds and more. `make faults` has no slack.
 */
export const SLACK_MS = 2000;

/**
 * Runs a fault once. What must never happen fails at once. A time that is over its limit and the slack is measured twice more and must be
 * within both times: a single one, on a machine that does other things, tells little.
 */
export async function expectPromises<Run>(
  lab: Checkout,
  fault: string,
  { layer, harmOf, delaysOf, render }: Verdict<Run>,
): Promise<void> {
  const seed = `${seedOf(`faults of ${layer}`)}-${fault}`;
  const measure = async (count: number) => {
    // Each fault chooses by its own numbers: one that is repeated alone hits the same node.
    const options = ["--json", "--fault", fault, "--runs", String(count), "--seed", `${seed}-${count}`];
    const { stdout, all } = await lab.lab("faults", layer, ...options);
    const { runs }: { runs: readonly Run[] } = JSON.parse(stdout || '{"runs":[]}');
    for (const run of runs) console.info(render(run));
    expect(runs, all).toHaveLength(count);
    expect(runs.flatMap(harmOf), all).toEqual([]);
    return runs.flatMap((run) => delaysOf(run, SLACK_MS));
  };
  const delays = await measure(1);
  if (delays.length === 0) return;
  console.info(`${fault}: measured twice more, because of ${delays.join("; ")}`);
  expect(await measure(2), delays.join("; ")).toEqual([]);
}
