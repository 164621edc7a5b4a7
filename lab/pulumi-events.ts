/** What the Pulumi CLI reports, told as the lab's own engine tells it. Pure. */
import type { EngineEvent } from "@pulumi/pulumi/automation/index.js";
import { type Change, countChanges, type Drift, type Operation, type Result } from "./engine/events.ts";
import { isHidden, nameOf } from "./engine/urn.ts";

/** The steps that stand for a whole operation; those of a replacement's halves are left out. */
const OPERATIONS: Readonly<Record<string, Operation>> = {
  create: "create",
  update: "update",
  replace: "replace",
  delete: "delete",
  same: "same",
};

/** Steps that have been taken; in a preview, those that would be. Components report theirs twice. */
function steps(events: readonly EngineEvent[]) {
  const reported = events
    .flatMap(({ resOutputsEvent }) => (resOutputsEvent ? [resOutputsEvent.metadata] : []))
    .filter(({ urn }) => !isHidden(urn));
  return [...new Map(reported.map((step) => [`${step.op} ${step.urn}`, step])).values()];
}

function changesOf(events: readonly EngineEvent[]): readonly Change[] {
  return steps(events).flatMap(({ op, urn, type, diffs }) => {
    const operation = OPERATIONS[op];
    const properties = (diffs ?? []).map((path) => ({ path }));
    return operation ? [{ operation, urn, type, name: nameOf(urn), properties }] : [];
  });
}

function driftOf(events: readonly EngineEvent[]): readonly Drift[] {
  return steps(events)
    .filter(({ op, new: found, diffs }) => op === "refresh" && (!found || (diffs ?? []).length > 0))
    .map(({ urn, type, new: found, diffs }) => ({
      urn,
      type,
      name: nameOf(urn),
      gone: !found,
      properties: (diffs ?? []).map((path) => ({ path })),
    }));
}

/** Errors as the CLI prints them, without its colour marks. */
function errorsOf(events: readonly EngineEvent[]): readonly string[] {
  const texts = events.flatMap(({ diagnosticEvent }) =>
    diagnosticEvent?.severity === "error" ? [diagnosticEvent.message.replace(/<\{%.*?%\}>/g, "").trim()] : [],
  );
  return [...new Set(texts)];
}

/** A run's result from its events. */
export function resultOf(what: "up" | "preview", events: readonly EngineEvent[], exitCode: 0 | 1): Result {
  const changes = changesOf(events);
  const summary = events.find(({ summaryEvent }) => summaryEvent)?.summaryEvent;
  return {
    exitCode,
    phase: what === "up" ? "update" : "preview",
    changes,
    counts: countChanges(changes),
    drift: driftOf(events),
    errors: errorsOf(events),
    seconds: summary?.durationSeconds ?? 0,
  };
}
