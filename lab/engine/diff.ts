/** Comparison of properties: what a driver without `diff` gets, and what people see of a change. */
import { isDeepStrictEqual } from "node:util";
import type { Diff, Driver, Properties } from "./driver.ts";
import { expand, formatPath, getAt, type PropertyPath, parsePath, setAt } from "./paths.ts";
import { hasUnknown, isObject, isSecret, plain, plainProperties, presentable, UNKNOWN } from "./wire.ts";

/** One property before and after; secrets and unknowns are words here. A missing key is a missing value. */
export interface PropertyChange {
  readonly path: string;
  readonly before?: unknown;
  readonly after?: unknown;
  /** This property makes an update in place impossible. */
  readonly forcesReplacement?: true;
}

/** Inputs and outputs as the state has them, wire format. */
interface Recorded {
  readonly inputs: Properties;
  readonly outputs: Properties;
}

/** Top-level keys that differ. */
export function changedKeys(before: Properties, after: Properties): readonly string[] {
  const keys = [...new Set([...Object.keys(before), ...Object.keys(after)])];
  return keys.filter((key) => !isDeepStrictEqual(plain(before[key]), plain(after[key])));
}

/** What a driver is asked to compare. Wire format. */
export interface Comparison {
  readonly type: string;
  readonly old: Recorded;
  readonly news: Properties;
  /** Inputs of the provider resource. */
  readonly provider: Properties;
}

/**
 * Asks the driver what differs. Drivers never see unknowns: such properties are left out of what they get, whole or
 * in part (`diffsPartly`), and count as changed whatever they say.
 */
export function driverDiff(driver: Driver, { type, old, news, provider }: Comparison): Diff {
  const unknown = Object.keys(news).filter((key) => hasUnknown(news[key]));
  const recorded = { inputs: plainProperties(old.inputs), outputs: plainProperties(old.outputs) };
  const known = Object.entries(plainProperties(news)).flatMap(([key, value]): [string, unknown][] => {
    if (!unknown.includes(key)) return [[key, value]];
    const rest = driver.diffsPartly ? withoutUnknown(value, recorded.inputs[key], "top") : undefined;
    return rest === undefined ? [] : [[key, rest]];
  });
  const answer = driver.diff?.(type, recorded, Object.fromEntries(known), knownOf(provider)) ?? {
    changed: changedKeys(recorded.inputs, Object.fromEntries(known)),
    replace: [],
  };
  const changed = [...new Set([...answer.changed, ...unknown])];
  return { ...answer, changed, replace: driver.update ? answer.replace : changed };
}

/** Properties without those that are not known yet, in plain form. */
export function knownOf(properties: Properties): Properties {
  return plainProperties(
    Object.fromEntries(Object.entries(properties).filter(([, value]) => !hasUnknown(value))),
  );
}

/** A value with what was recorded in place of its unknown parts; undefined where there is nothing of it. */
function withoutUnknown(value: unknown, recorded: unknown, depth?: "top"): unknown {
  if (value === UNKNOWN) return depth === "top" ? undefined : recorded;
  if (Array.isArray(value)) {
    const items = value.map((item, at) => withoutUnknown(item, getAt(recorded, [String(at)])));
    return items.filter((item) => item !== undefined);
  }
  if (!isObject(value)) return value;
  const entries = Object.entries(value).map(([key, item]) => [
    key,
    withoutUnknown(item, getAt(recorded, [key])),
  ]);
  return Object.fromEntries(entries.filter(([, item]) => item !== undefined));
}

/** The property that a path begins with. */
export function topKey(path: string): string {
  return parsePath(path)[0] ?? "";
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

/** A place with two values. */
interface Difference {
  readonly path: PropertyPath;
  readonly before: unknown;
  readonly after: unknown;
}

/** The differences below the given keys, as deep as both sides have the same shape. */
export function describeChanges(
  before: Properties,
  after: Properties,
  { keys, replace = [] }: { readonly keys: readonly string[]; readonly replace?: readonly string[] },
): readonly PropertyChange[] {
  const forcing = replace.map(parsePath);
  return keys.flatMap((key) => {
    const whole = { path: [key], before: before[key], after: after[key] };
    if (whole.before === undefined && whole.after === undefined) return [];
    const found = leaves(whole);
    return (found.length > 0 ? found : [whole]).map((each) => change(each, forcing));
  });
}

function leaves(whole: Difference): readonly Difference[] {
  if (isDeepStrictEqual(plain(whole.before), plain(whole.after))) return [];
  const parts = commonParts(whole);
  return parts === undefined ? [whole] : parts.flatMap(leaves);
}

/** What is at the same place of both values; undefined where they can only be compared as a whole. */
function commonParts({ path, before, after }: Difference): readonly Difference[] | undefined {
  if (isSecret(before) || isSecret(after)) return undefined;
  const at = (key: string, old: unknown, now: unknown): Difference => ({
    path: [...path, key],
    before: old,
    after: now,
  });
  if (Array.isArray(before) && Array.isArray(after)) {
    if (before.length === after.length) return before.map((old, n) => at(String(n), old, after[n]));
    return namedParts(before, after)?.map(({ key, old, now }) => at(key, old, now));
  }
  if (!isObject(before) || !isObject(after)) return undefined;
  const keys = [...new Set([...Object.keys(before), ...Object.keys(after)])];
  return keys.map((key) => at(key, before[key], after[key]));
}

/** Two lists of unequal length whose items have names of their own, as containers do: compared name by name. */
function namedParts(
  before: readonly unknown[],
  after: readonly unknown[],
): readonly { readonly key: string; readonly old: unknown; readonly now: unknown }[] | undefined {
  const [olds, nows] = [before, after].map((list) => list.map((item) => plain(getAt(item, ["name"]))));
  if (olds === undefined || nows === undefined) return undefined;
  const named = [olds, nows].every(
    (names) => new Set(names).size === names.length && names.every((name) => typeof name === "string"),
  );
  if (!named) return undefined;
  return [...new Set([...nows, ...olds])].map((name) => {
    const [old, now] = [olds.indexOf(name), nows.indexOf(name)];
    return { key: String(now === -1 ? old : now), old: before[old], now: after[now] };
  });
}

function change({ path, before, after }: Difference, forcing: readonly PropertyPath[]): PropertyChange {
  const forces = forcing.some((other) => {
    const shared = Math.min(other.length, path.length);
    return isDeepStrictEqual(other.slice(0, shared), path.slice(0, shared));
  });
  return {
    path: formatPath(path),
    ...(before === undefined ? {} : { before: presentable(before) }),
    ...(after === undefined ? {} : { after: presentable(after) }),
    ...(forces ? { forcesReplacement: true as const } : {}),
  };
}
