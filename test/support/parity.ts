/** How the built-in engine's state differs from the real one's, and which differences are meant to be. */
import { isDeepStrictEqual } from "node:util";
import { isObject } from "../../lab/engine/wire.ts";
import type { ComparedState } from "./engine-state.ts";

/** One place in one resource; `undefined` stands for what is not there. */
export interface Difference {
  readonly urn: string;
  readonly type: string;
  /** `inputs.__internal`, `dependencies`; empty when the whole resource is missing on one side. */
  readonly path: string;
  readonly real: unknown;
  readonly builtin: unknown;
}

/** A difference that is meant to be. */
export interface Tolerance {
  /** Type tokens begin with this. */
  readonly type: string;
  readonly path: string;
  readonly real: unknown;
  readonly builtin: unknown;
  readonly reason: string;
}

/** All differences, by URN and path. Objects are compared key by key, everything else as a whole. */
export function differences(real: ComparedState, builtin: ComparedState): readonly Difference[] {
  return keysOf(real, builtin).flatMap((urn) => {
    const type = (real[urn] ?? builtin[urn])?.type ?? "";
    return compare("", real[urn], builtin[urn]).map((difference) => ({ urn, type, ...difference }));
  });
}

function compare(
  path: string,
  real: unknown,
  builtin: unknown,
): readonly Pick<Difference, "path" | "real" | "builtin">[] {
  if (isDeepStrictEqual(real, builtin)) return [];
  if (!isObject(real) || !isObject(builtin)) return [{ path, real, builtin }];
  return keysOf(real, builtin).flatMap((key) =>
    compare(path === "" ? key : `${path}.${key}`, real[key], builtin[key]),
  );
}

const keysOf = (one: object, other: object): readonly string[] =>
  [...new Set([...Object.keys(one), ...Object.keys(other)])].sort();

const covers = (tolerance: Tolerance, { type, path, real, builtin }: Difference): boolean =>
  type.startsWith(tolerance.type) &&
  path === tolerance.path &&
  isDeepStrictEqual(real, tolerance.real) &&
  isDeepStrictEqual(builtin, tolerance.builtin);

/** What must be empty: differences that nobody has meant, and tolerances that nothing needs any more. */
export function verdict(
  found: readonly Difference[],
  tolerances: readonly Tolerance[],
): { readonly unexpected: readonly Difference[]; readonly unneeded: readonly Tolerance[] } {
  return {
    unexpected: found.filter((difference) => !tolerances.some((each) => covers(each, difference))),
    unneeded: tolerances.filter((each) => !found.some((difference) => covers(each, difference))),
  };
}

/** A resource that the program has made since the recording. */
export interface Gained {
  /** Type and name: `tls:index/privateKey:PrivateKey::etcd-token-key`. */
  readonly resource: string;
  readonly reason: string;
}

/**
 * The built-in engine's state without what the recording can't have, and without what depends on it.
 * @throws Error when the recording has it, or the program has it no more
 */
export function withoutGained(
  builtin: ComparedState,
  real: ComparedState,
  gained: readonly Gained[],
): ComparedState {
  const isGained = (urn: string) => gained.some(({ resource }) => urn.endsWith(resource));
  for (const { resource } of gained) {
    const has = (state: ComparedState) => Object.keys(state).some((urn) => urn.endsWith(resource));
    if (has(real) || !has(builtin)) throw new Error(`${resource} is not gained any more: take its line away`);
  }
  const kept = (urns: readonly string[]) => urns.filter((urn) => !isGained(urn));
  const entries = Object.entries(builtin).filter(([urn]) => !isGained(urn));
  return Object.fromEntries(
    entries.map(([urn, resource]) => {
      const properties = Object.entries(resource.propertyDependencies);
      const propertyDependencies = Object.fromEntries(properties.map(([key, urns]) => [key, kept(urns)]));
      return [urn, { ...resource, dependencies: kept(resource.dependencies), propertyDependencies }];
    }),
  );
}
