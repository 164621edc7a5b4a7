/** Comparison of properties: what a driver without `diff` gets, and what people see of a change. */
import { isDeepStrictEqual } from "node:util";
import type { Diff, Driver, Properties } from "./driver.ts";
import { expand, formatPath, getAt, type PropertyPath, parsePath, setAt } from "./paths.ts";
import { hasUnknown, isObject, isSecret, plain, plainProperties, presentable } from "./wire.ts";

/** One property before and after; secrets and unknowns are words here. A missing key is a missing value. */
export interface PropertyChange {
  readonly path: string;
  readonly before?: unknown;
  readonly after?: unknown;
  /** This property makes an update in place impossible. */
  readonly forcesReplacement?: true;
}

/** Inputs and outputs as the state has them, wire format. */
export interface Recorded {
  readonly inputs: Properties;
  readonly outputs: Properties;
}

/** Top-level keys that differ. */
export function changedKeys(before: Properties, after: Properties): readonly string[] {
  const keys = [...new Set([...Object.keys(before), ...Object.keys(after)])];
  return keys.filter((key) => !isDeepStrictEqual(plain(before[key]), plain(after[key])));
}

/**
 * Asks the driver what differs. Drivers never see unknowns: such properties are left out of what they get, and
 * count as changed whatever they say.
 */
export function driverDiff(driver: Driver, type: string, old: Recorded, news: Properties): Diff {
  const unknown = Object.keys(news).filter((key) => hasUnknown(news[key]));
  const known = Object.fromEntries(
    Object.entries(plainProperties(news)).filter(([key]) => !unknown.includes(key)),
  );
  const recorded = { inputs: plainProperties(old.inputs), outputs: plainProperties(old.outputs) };
  const answer = driver.diff?.(type, recorded, known) ?? {
    changed: changedKeys(recorded.inputs, known),
    replace: [],
  };
  const changed = [...new Set([...answer.changed, ...unknown])];
  return { ...answer, changed, replace: driver.update ? answer.replace : changed };
}

/** The keys whose change, by `replaceOnChanges`, forces a replacement. */
export function replacedByPaths(
  paths: readonly string[],
  old: Properties,
  news: Properties,
): readonly string[] {
  const differing = paths
    .flatMap((path) => expand(parsePath(path), [old, news]))
    .filter((path) => !isDeepStrictEqual(plain(getAt(old, path)), plain(getAt(news, path))));
  return [...new Set(differing.flatMap(([key]) => (key === undefined ? [] : [key])))];
}

/** The new inputs with the recorded value put back at each path of `ignoreChanges`. */
export function ignoreChanges(paths: readonly string[], old: Properties, news: Properties): Properties {
  const concrete = paths.flatMap((path) => expand(parsePath(path), [old, news]));
  return concrete.reduce<Properties>((inputs, path) => {
    const next = setAt(inputs, path, getAt(old, path));
    return isObject(next) ? next : inputs;
  }, news);
}

/** The differences below the given keys, as deep as both sides have the same shape. */
export function describeChanges(
  before: Properties,
  after: Properties,
  { keys, replace = [] }: { readonly keys: readonly string[]; readonly replace?: readonly string[] },
): readonly PropertyChange[] {
  return keys.flatMap((key) => {
    const found = leaves([key], before[key], after[key]);
    const all = found.length > 0 ? found : [change([key], before[key], after[key])];
    return replace.includes(key) ? all.map((each) => ({ ...each, forcesReplacement: true as const })) : all;
  });
}

function leaves(path: PropertyPath, before: unknown, after: unknown): readonly PropertyChange[] {
  if (isDeepStrictEqual(plain(before), plain(after))) return [];
  const keys = commonShape(before, after);
  if (keys === undefined) return [change(path, before, after)];
  return keys.flatMap((key) => leaves([...path, key], getAt(before, [key]), getAt(after, [key])));
}

function commonShape(before: unknown, after: unknown): readonly string[] | undefined {
  if (isSecret(before) || isSecret(after)) return undefined;
  if (Array.isArray(before) && Array.isArray(after)) {
    return before.length === after.length ? Object.keys(before) : undefined;
  }
  if (!isObject(before) || !isObject(after)) return undefined;
  return [...new Set([...Object.keys(before), ...Object.keys(after)])];
}

function change(path: PropertyPath, before: unknown, after: unknown): PropertyChange {
  return {
    path: formatPath(path),
    ...(before === undefined ? {} : { before: presentable(before) }),
    ...(after === undefined ? {} : { after: presentable(after) }),
  };
}
