/** What the engine reports while it works. Everything here is free of secrets. */
import type { PropertyChange } from "./diff.ts";

/** What happens to one resource. */
export type Operation = "create" | "update" | "replace" | "delete" | "same";
/** One call of a driver. */
export type Activity = "create" | "update" | "delete" | "read" | "find";
export type Phase = "refresh" | "preview" | "update" | "destroy";
export type Severity = "info" | "warning" | "error";

/** A resource and what the run does, or would do, with it. */
export interface Change {
  readonly operation: Operation;
  readonly urn: string;
  readonly type: string;
  readonly name: string;
  readonly properties: readonly PropertyChange[];
  /** Why, where the properties don't say it. */
  readonly note?: string;
}

/** A difference between the record and what is really there. */
export interface Drift {
  readonly urn: string;
  readonly type: string;
  readonly name: string;
  /** It is no longer there; its record has been dropped. */
  readonly gone: boolean;
  readonly properties: readonly PropertyChange[];
}

export type Counts = Readonly<Record<Operation, number>>;

/** How a run ended. */
export interface Result {
  /** 0: done. 1: errors. 130: cancelled. */
  readonly exitCode: 0 | 1 | 130;
  readonly phase: Phase;
  /** What was done; for a preview what would be done. */
  readonly changes: readonly Change[];
  readonly counts: Counts;
  readonly drift: readonly Drift[];
  readonly errors: readonly string[];
  readonly seconds: number;
}

export type EngineEvent =
  | { readonly kind: "phase"; readonly phase: Phase }
  | { readonly kind: "drift"; readonly drift: readonly Drift[] }
  | { readonly kind: "plan"; readonly changes: readonly Change[] }
  | { readonly kind: "started"; readonly step: number; readonly activity: Activity; readonly urn: string }
  | {
      readonly kind: "finished";
      readonly step: number;
      readonly activity: Activity;
      readonly urn: string;
      readonly seconds: number;
      readonly failed: boolean;
    }
  | { readonly kind: "message"; readonly severity: Severity; readonly text: string }
  | { readonly kind: "summary"; readonly result: Result };

/** Receives events in order. It must not throw. */
export type Reporter = (event: EngineEvent) => void;

/** How many resources each operation concerns. */
export function countChanges(changes: readonly Change[]): Counts {
  const count = (operation: Operation): number =>
    changes.filter((each) => each.operation === operation).length;
  return {
    create: count("create"),
    update: count("update"),
    replace: count("replace"),
    delete: count("delete"),
    same: count("same"),
  };
}
