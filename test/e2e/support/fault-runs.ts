/** Faults as tests judge them. */
import { expect } from "vitest";
import type { Slack } from "../../../lab/faults/postgres/report.ts";
import { seedOf } from "../../support/chance.ts";
import type { Checkout } from "./checkout.ts";

/** How one layer's runs are read. */
export interface Verdict<Run> {
  readonly layer: "api" | "postgres";
  /** What must not happen a single time. */
  harmOf(run: Run): readonly string[];
  /** Where clients waited longer than promised, and by more than {@link SLACK}. */
  delaysOf(run: Run): readonly string[];
  render(run: Run): string;
}

/**
 * More than is promised: here three nodes and their clients share two processors, and when etcd is away K3s starts again and again on each.
 * What is broken costs clients twenty seconds and more, or does not come back. `make faults` has no slack.
 */
export const SLACK: Slack = { gapMs: 2000, backMs: 30_000 };

/** Of a long text, what tells most in an error. */
const LAST_WORDS = 4000;

/** Each fault of a layer once, by one command. */
export class FaultRuns<Run extends { readonly fault: string }> {
  private readonly verdict: Verdict<Run>;
  private runs: readonly Run[] = [];
  /** What the command said. */
  private said = "";

  constructor(verdict: Verdict<Run>) {
    this.verdict = verdict;
  }

  async measure(lab: Checkout, faults: readonly string[]): Promise<void> {
    ({ runs: this.runs, said: this.said } = await this.run(lab, faults, 1));
  }

  /**
   * What must never happen fails at once. A time that is over its limit and the slack is measured twice more and must be within both times: a
   * single one, on a machine that does other things, tells little.
   */
  async expectPromises(lab: Checkout, fault: string): Promise<void> {
    const own = this.runs.filter((run) => run.fault === fault);
    const delays = this.judge(own, this.said);
    if (delays.length === 0) return;
    console.info(`${fault}: measured twice more, because of ${delays.join("; ")}`);
    const again = await this.run(lab, [fault], 2);
    expect(this.judge(again.runs, again.said, 2), delays.join("; ")).toEqual([]);
  }

  private judge(runs: readonly Run[], said: string, wanted = 1): readonly string[] {
    expect(runs, said).toHaveLength(wanted);
    expect(runs.flatMap(this.verdict.harmOf), said).toEqual([]);
    return runs.flatMap((run) => this.verdict.delaysOf(run));
  }

  private async run(lab: Checkout, faults: readonly string[], count: number) {
    const { layer, render } = this.verdict;
    const seed = `${seedOf(`faults of ${layer}`)}-${count}`;
    // These are the lab's last tests, so nobody needs the settings as they were; but what is measured again changes them again.
    const keep = count === 1 ? ["--keep-settings"] : [];
    const options = ["--json", ...keep, "--runs", String(count), "--seed", seed];
    const { stdout, all } = await lab.lab("faults", layer, ...options, "--fault", ...faults);
    const { runs }: { runs: readonly Run[] } = JSON.parse(stdout || '{"runs":[]}');
    for (const run of runs) console.info(render(run));
    return { runs, said: all.slice(-LAST_WORDS) };
  }
}
