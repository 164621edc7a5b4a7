/** Decides what a resource needs: pure comparison of its record with what the program asks for. */

import { driverDiff, replacedByPaths, topKey } from "./diff.ts";
import type { Driver, Properties } from "./driver.ts";
import type { Goal } from "./goal.ts";
import type { ResourceRecord } from "./state.ts";
import { providerUrn } from "./urn.ts";
import { UNKNOWN } from "./wire.ts";

/** The step that takes an existing resource to its goal. */
export interface Decision {
  readonly operation: "same" | "update" | "replace";
  /** Top-level input keys that differ. */
  readonly changed: readonly string[];
  /** Those that force a replacement, or the paths in them that do. */
  readonly forcing: readonly string[];
  readonly deleteBeforeReplace: boolean;
  /** Why, where the properties don't say it. */
  readonly note?: string;
}

/** How drivers are found and configured. */
export interface Drivers {
  of(type: string): Driver;
  /** Inputs of the provider resource that a reference `<urn>::<id>` leads to. */
  configuration(provider: string | undefined): Properties;
}

/** Compares an existing resource with its goal. `inputs`: the goal's, checked. */
export function decide(
  goal: Goal,
  {
    old,
    inputs,
    drivers,
  }: { readonly old: ResourceRecord; readonly inputs: Properties; readonly drivers: Drivers },
): Decision {
  const provider = drivers.configuration(goal.provider);
  const diff = driverDiff(drivers.of(goal.type), { type: goal.type, old, news: inputs, provider });
  const byPath = replacedByPaths(goal.replaceOnChanges ?? [], old.inputs, inputs);
  const forcing = diff.changed.flatMap((key) => {
    const paths = diff.replace.filter((path) => topKey(path) === key);
    return paths.length === 0 && byPath.includes(key) ? [key] : paths;
  });
  const inPlace = diff.changed.length > 0 ? "update" : "same";
  return {
    operation: forcing.length > 0 ? "replace" : inPlace,
    changed: diff.changed,
    forcing,
    deleteBeforeReplace: goal.deleteBeforeReplace ?? diff.deleteBeforeReplace ?? false,
    ...(diff.note === undefined ? {} : { note: diff.note }),
  };
}

/** A dependent that must go, and the input keys or paths that make it so. */
export interface Dependent {
  readonly record: ResourceRecord;
  readonly forcing: readonly string[];
}

/**
 * Everything that has to be deleted before `root` can be: dependents whose own replacement the new root forces.
 * One that would only be updated, or that merely waits for the root (`dependsOn`), stays.
 */
export function forcedDependents(
  root: ResourceRecord,
  candidates: readonly ResourceRecord[],
  drivers: Drivers,
): readonly Dependent[] {
  const found = new Map<string, Dependent>();
  const gone = new Set([root.urn]);
  for (let before = -1; before < found.size; ) {
    before = found.size;
    for (const record of candidates.filter((each) => each.custom && !gone.has(each.urn))) {
      const forcing = keysForcedBy(gone, record, drivers);
      if (forcing === undefined) continue;
      gone.add(record.urn);
      found.set(record.urn, { record, forcing });
    }
  }
  return [...found.values()];
}

/** Asks the driver as if each input that comes from a resource that goes were unknown. */
function keysForcedBy(
  gone: ReadonlySet<string>,
  record: ResourceRecord,
  drivers: Drivers,
): readonly string[] | undefined {
  if (record.provider !== undefined && gone.has(providerUrn(record.provider))) return [];
  const lost = Object.entries(record.propertyDependencies)
    .filter(([key, urns]) => key in record.inputs && urns.some((urn) => gone.has(urn)))
    .map(([key]) => key);
  if (lost.length === 0) return undefined;
  const inputs = { ...record.inputs, ...Object.fromEntries(lost.map((key) => [key, UNKNOWN])) };
  const provider = drivers.configuration(record.provider);
  const comparison = { type: record.type, old: record, news: inputs, provider };
  const { replace } = driverDiff(drivers.of(record.type), comparison);
  return replace.length > 0 ? replace : undefined;
}
