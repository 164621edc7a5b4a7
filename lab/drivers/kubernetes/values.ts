/** When two values of a field mean the same, and what of a live object is ours. */
import { isDeepStrictEqual } from "node:util";
import type { Properties } from "../../engine/driver.ts";
import { isObject } from "../../engine/wire.ts";

/** Fields below which numbers are quantities: `1000m` is `1` there, and only there. */
const QUANTITIES = new Set([
  ...["requests", "limits", "capacity", "hard", "allocatable", "overhead", "sizeLimit", "divisor"],
  ...["max", "min", "default", "defaultRequest", "maxLimitRequestRatio", "averageValue"],
]);

/** Fields that hold whatever people put into them, under names of their own: every letter counts. */
const TEXTS = new Set(["data", "annotations", "labels", "matchLabels", "nodeSelector", "parameters"]);

/** Lists in which the API lets others have items of their own, and what tells items apart. */
const SHARED_LISTS: Readonly<Record<string, readonly string[]>> = {
  containers: ["name"],
  initContainers: ["name"],
  volumes: ["name"],
  env: ["name"],
  imagePullSecrets: ["name"],
  volumeMounts: ["mountPath"],
  volumeDevices: ["devicePath"],
  ports: ["containerPort", "port", "protocol"],
  hostAliases: ["ip"],
  topologySpreadConstraints: ["topologyKey", "whenUnsatisfiable"],
  finalizers: [],
  ownerReferences: ["uid"],
};

const SCALES: Readonly<Record<string, number>> = {
  ...{ n: 1e-9, u: 1e-6, m: 1e-3, "": 1, k: 1e3, M: 1e6, G: 1e9, T: 1e12, P: 1e15, E: 1e18 },
  ...{ Ki: 2 ** 10, Mi: 2 ** 20, Gi: 2 ** 30, Ti: 2 ** 40, Pi: 2 ** 50, Ei: 2 ** 60 },
};

/** The number that a Kubernetes quantity stands for, undefined for anything else. */
function quantity(value: unknown): number | undefined {
  if (typeof value === "number") return value;
  if (typeof value !== "string") return undefined;
  const [, digits, scale] =
    /^([+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?)([numkMGTPE]|[KMGTPE]i)?$/.exec(value) ?? [];
  return digits === undefined ? undefined : Number(digits) * (SCALES[scale ?? ""] ?? Number.NaN);
}

function sameQuantity(one: unknown, other: unknown): boolean {
  const [a, b] = [quantity(one), quantity(other)];
  return a !== undefined && b !== undefined && Math.abs(a - b) <= Math.abs(a) * 1e-12;
}

/** True where the API leaves a field out that was given so. */
function isNothing(value: unknown): boolean {
  if (value === undefined || value === null) return true;
  return isObject(value) ? Object.values(value).every(isNothing) : Array.isArray(value) && value.length === 0;
}

function isZero(value: unknown): boolean {
  return value === false || value === 0 || value === "";
}

/** True when both inputs ask for the same: quantities by value, empty as absent. */
export function isSame(one: unknown, other: unknown, path: readonly string[] = []): boolean {
  if (isDeepStrictEqual(one, other) || (isNothing(one) && isNothing(other))) return true;
  if (Array.isArray(one) && Array.isArray(other))
    return one.length === other.length && one.every((item, at) => isSame(item, other[at], path));
  if (isObject(one) && isObject(other)) {
    const keys = new Set([...Object.keys(one), ...Object.keys(other)]);
    return [...keys].every((key) => isSame(one[key], other[key], [...path, key]));
  }
  return isQuantity(path) && sameQuantity(one, other);
}

function isQuantity(path: readonly string[]): boolean {
  return path.some((key) => QUANTITIES.has(key)) && !path.some((key) => TEXTS.has(key));
}

/**
 * The inputs as the live object has them: where a field that we set means the same there, our way of writing it;
 * otherwise what is there. Fields that we did not set are not ours and left out.
 */
export function observedInputs(inputs: Properties, live: Properties): Properties {
  const { status, ...ours } = inputs;
  const observed = observe(ours, live, []);
  return isObject(observed) ? { ...observed, ...(status === undefined ? {} : { status }) } : inputs;
}

function observe(ours: unknown, live: unknown, path: readonly string[]): unknown {
  // The API leaves out what equals its type's zero; it can't be told from what somebody has removed.
  if (isSame(ours, live, path) || (live === undefined && isZero(ours))) return ours;
  if (Array.isArray(ours) && Array.isArray(live)) return observeList(ours, live, path);
  if (!isObject(ours) || !isObject(live)) return live;
  const entries = Object.entries(ours).map(([key, value]): [string, unknown] => [
    key,
    observe(value, live[key], [...path, key]),
  ]);
  return Object.fromEntries(entries.filter(([, value]) => value !== undefined));
}

function observeList(ours: readonly unknown[], live: readonly unknown[], path: readonly string[]): unknown {
  const keys = isShared(path) ? SHARED_LISTS[path.at(-1) ?? ""] : undefined;
  const counterpart = (item: unknown, at: number): unknown => {
    if (keys === undefined) return live[at];
    return live.find((each) =>
      keys.length === 0 ? each === item : identity(each, keys) === identity(item, keys),
    );
  };
  const observed = ours.map((item, at) => observe(item, counterpart(item, at), path));
  const additions = keys === undefined ? live.slice(ours.length) : [];
  return [...observed.filter((item) => item !== undefined), ...additions];
}

/** The ports of a NetworkPolicy are one value: a port that somebody adds there is drift. */
function isShared(path: readonly string[]): boolean {
  const owner = path.at(-2) ?? "";
  return path.at(-1) !== "ports" || path.length === 2 || owner.toLowerCase().endsWith("containers");
}

/** The protocol of a port is TCP where it is not given. */
function identity(item: unknown, keys: readonly string[]): string {
  if (!isObject(item)) return JSON.stringify(item);
  return JSON.stringify(keys.map((key) => item[key] ?? (key === "protocol" ? "TCP" : null)));
}
