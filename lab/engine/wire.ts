/**
 * The SDK's wire format for property values: plain JSON, with objects that carry a signature where a value is a
 * secret or a reference to a resource, and one distinguished string for a value that is not known yet.
 */
import type { Properties } from "./driver.ts";

/** Key that marks a special object. */
export const SIGNATURE = "4dabf18193072939515e22adb298388d";
const SECRET = "1b47061264138c4ac30d75fd1eb44270";
const RESOURCE_REFERENCE = "5cf8f73096256a8f31e491e813e4eb8e";
/** Stands for a value that only the deployment itself can produce. */
export const UNKNOWN = "04da6b54-80e4-46f7-96ec-b56ff0331ba9";

/** What people see instead of a secret. */
export const SECRET_TEXT = "[secret]";
/** What people see instead of an unknown value. */
const UNKNOWN_TEXT = "[computed]";

/** A wrapped secret value. In the state file `value` becomes `ciphertext`. */
export interface Secret {
  readonly [SIGNATURE]: typeof SECRET;
  readonly value: unknown;
}

/** True for JSON objects, wrapped values included; false for arrays and null. */
export function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/** True for a wrapped secret. */
export function isSecret(value: unknown): value is Secret {
  return isObject(value) && value[SIGNATURE] === SECRET;
}

/** Wraps a value as a secret; what is wrapped already stays as it is. */
export function secret(value: unknown): Secret {
  return isSecret(value) ? value : { [SIGNATURE]: SECRET, value };
}

/** Rebuilds a JSON value; `replace` answers a replacement, or `undefined` to go deeper. */
export function rebuild(value: unknown, replace: (part: unknown) => unknown): unknown {
  const replacement = replace(value);
  if (replacement !== undefined) return replacement;
  if (Array.isArray(value)) return value.map((item) => rebuild(item, replace));
  if (!isObject(value)) return value;
  return Object.fromEntries(Object.entries(value).map(([key, item]) => [key, rebuild(item, replace)]));
}

/** The value without wrappers: secrets in clear text, references as the resource's id (or URN). */
export function plain(value: unknown): unknown {
  return rebuild(value, (part) => {
    if (isSecret(part)) return plain(part.value) ?? null;
    if (isObject(part) && part[SIGNATURE] === RESOURCE_REFERENCE) return part["id"] ?? part["urn"];
    return undefined;
  });
}

/** `plain` for a set of properties. */
export function plainProperties(properties: Properties): Properties {
  return Object.fromEntries(Object.entries(properties).map(([key, value]) => [key, plain(value)]));
}

/** The value as people may see it: secrets and unknowns replaced by a word. */
export function presentable(value: unknown): unknown {
  return rebuild(value, (part) => {
    if (isSecret(part)) return SECRET_TEXT;
    return part === UNKNOWN ? UNKNOWN_TEXT : undefined;
  });
}

/** True when the value, or a part of it, passes the test. */
function contains(value: unknown, test: (part: unknown) => boolean): boolean {
  if (test(value)) return true;
  if (Array.isArray(value)) return value.some((item) => contains(item, test));
  return isObject(value) && Object.values(value).some((item) => contains(item, test));
}

/** True when a part of the value is a secret. */
function hasSecret(value: unknown): boolean {
  return contains(value, isSecret);
}

/** True when a part of the value is not known yet. */
export function hasUnknown(value: unknown): boolean {
  return contains(value, (part) => part === UNKNOWN);
}

/** Copies secret marks from inputs to outputs of the same name, going into objects, as the real engine does. */
export function copySecretMarks(outputs: Properties, marked: Properties): Properties {
  const entries = Object.entries(outputs).map(([key, value]): [string, unknown] => {
    const model = marked[key];
    if (isSecret(value) || !hasSecret(model)) return [key, value];
    if (isObject(value) && isObject(model) && !isSecret(model)) return [key, copySecretMarks(value, model)];
    return [key, secret(value)];
  });
  return Object.fromEntries(entries);
}

/** Marks whole properties as secret. Names that are not there are ignored. */
export function markSecret(properties: Properties, names: readonly string[]): Properties {
  const entries = Object.entries(properties).map(([key, value]): [string, unknown] => [
    key,
    names.includes(key) ? secret(plain(value)) : value,
  ]);
  return Object.fromEntries(entries);
}
