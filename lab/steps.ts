/** When a run did what, for those who look for its time. */
import type { Activity, EngineEvent, Phase, Reporter } from "./engine/events.ts";

interface Step {
  readonly urn: string;
  readonly activity: Activity;
  /** Seconds after the run began. */
  readonly began: number;
  readonly seconds: number;
}

export interface Timeline {
  readonly phases: readonly { readonly phase: Phase; readonly began: number }[];
  readonly steps: readonly Step[];
}

/** A reporter that only listens, and what it has heard. */
export function listen(): { readonly reporter: Reporter; readonly timeline: Timeline } {
  const start = performance.now();
  const phases: Timeline["phases"][number][] = [];
  const steps: Step[] = [];
  const now = () => Math.round(performance.now() - start) / 1000;
  const reporter = (event: EngineEvent): void => {
    if (event.kind === "phase") phases.push({ phase: event.phase, began: now() });
    if (event.kind !== "finished") return;
    const { urn, activity, seconds } = event;
    steps.push({ urn, activity, began: Math.max(0, now() - seconds), seconds });
  };
  return { reporter, timeline: { phases, steps } };
}
