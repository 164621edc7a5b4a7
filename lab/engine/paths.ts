/** Pulumi's property paths, as used by `ignoreChanges` and `replaceOnChanges`: `a.b[0]["c d"]`, `*` for any key. */
import { isObject, isSecret } from "./wire.ts";

/** One path, in parts. List indexes are decimal strings. */
export type PropertyPath = readonly string[];

/** Takes a path apart. */
export function parsePath(text: string): PropertyPath {
  const parts = text.matchAll(/\["((?:[^"\\]|\\.)*)"\]|\[([^\]]*)\]|([^.[\]]+)/g);
  return [...parts].map(([, quoted, index, word]) => quoted?.replace(/\\(.)/g, "$1") ?? index ?? word ?? "");
}

/** The value at a path without wildcards; `undefined` where there is none. Goes through secrets. */
export function getAt(root: unknown, path: PropertyPath): unknown {
  return path.reduce<unknown>((value, part) => children(value)[part], root);
}

/** A copy of the root with the value set at a path, or removed when `undefined`. A path that leads nowhere changes nothing. */
export function setAt(root: unknown, path: PropertyPath, value: unknown): unknown {
  const [part, ...rest] = path;
  if (part === undefined) return value;
  if (isSecret(root)) return { ...root, value: setAt(root.value, path, value) };
  if (Array.isArray(root)) {
    const index = Number(part);
    if (!Number.isInteger(index) || index < 0 || index > root.length) return root;
    const inner = setAt(root[index], rest, value);
    if (inner === undefined) return index === root.length ? root : root.toSpliced(index, 1);
    return root.toSpliced(index, 1, inner);
  }
  if (!isObject(root)) return root;
  const { [part]: old, ...others } = root;
  const inner = setAt(old, rest, value);
  return inner === undefined ? others : { ...others, [part]: inner };
}

/** Replaces wildcards by the keys found in any of the roots. */
export function expand(path: PropertyPath, roots: readonly unknown[]): readonly PropertyPath[] {
  const [part, ...rest] = path;
  if (part === undefined) return [[]];
  const keys = part === "*" ? [...new Set(roots.flatMap((root) => Object.keys(children(root))))] : [part];
  return keys.flatMap((key) => {
    const inner = roots.map((root) => children(root)[key]);
    return expand(rest, inner).map((tail) => [key, ...tail]);
  });
}

function children(value: unknown): Readonly<Record<string, unknown>> {
  if (isSecret(value)) return children(value.value);
  return isObject(value) || Array.isArray(value) ? Object.fromEntries(Object.entries(value)) : {};
}

/** A path as people write it. */
export function formatPath(path: PropertyPath): string {
  return path
    .map((part, at) => {
      if (/^\d+$/.test(part)) return `[${part}]`;
      if (!/^[\w-]+$/.test(part)) return `["${part}"]`;
      return at === 0 ? part : `.${part}`;
    })
    .join("");
}
