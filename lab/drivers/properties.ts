/** What the drivers share: comparing inputs, and checking their shape with zod. */
import { isDeepStrictEqual } from "node:util";
import type { z } from "zod";
import type { CheckFailure, Properties } from "../engine/driver.ts";

/** The last part of a type token: `Server` of `hcloud:index/server:Server`. */
export function kindOf(type: string): string {
  return type.slice(type.lastIndexOf(":") + 1);
}

/** The entry of `table` for this type token. */
export function kindIn<T>(table: Readonly<Record<string, T>>, type: string): T {
  const found = table[kindOf(type)];
  if (found !== undefined) return found;
  throw new Error(
    `${type}: the lab has no such resource type. It knows ${Object.keys(table).join(", ")}; use one of these, or add it to lab/drivers.`,
  );
}

/** Top-level keys whose values differ; bookkeeping keys (`__…`) don't count. */
export function changedKeys(
  old: Properties,
  news: Properties,
  isSame: (one: unknown, other: unknown) => boolean = isDeepStrictEqual,
): string[] {
  const keys = new Set([...Object.keys(old), ...Object.keys(news)]);
  return [...keys].filter((key) => !key.startsWith("__") && !isSame(old[key], news[key])).sort();
}

/** `properties` without the keys whose value is undefined, as JSON has it. */
export function defined(properties: Properties): Properties {
  return Object.fromEntries(Object.entries(properties).filter(([, value]) => value !== undefined));
}

/** The properties without bookkeeping keys (`__…`), which records have beside the inputs, in blocks too. */
export function plain(properties: Properties): Properties {
  const entries = Object.entries(properties).filter(([key]) => !key.startsWith("__"));
  return Object.fromEntries(entries.map(([key, value]) => [key, plainValue(value)]));
}

function plainValue(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(plainValue);
  return typeof value === "object" && value !== null ? plain(value as Properties) : value;
}

/** Inputs with the schema's defaults filled in; what is missing or wrong stays so. */
export function withSchemaDefaults(schema: z.ZodObject, inputs: Properties): Properties {
  return defined({ ...schema.partial().safeParse({}).data, ...defined(inputs) });
}

function explain(issue: z.core.$ZodIssue): CheckFailure[] {
  if (issue.code !== "unrecognized_keys") return [{ property: issue.path.join("."), reason: issue.message }];
  const reason = "the lab's driver does not support it";
  return issue.keys.map((key) => ({ property: [...issue.path, key].join("."), reason }));
}

/**
 * What is wrong with the inputs that are there. Missing ones are no failure: in a preview they may be
 * unknown yet, and the SDK's constructors insist on required ones.
 */
export function failuresOf(schema: z.ZodObject, inputs: Properties): CheckFailure[] {
  return schema.partial().safeParse(plain(inputs)).error?.issues.flatMap(explain) ?? [];
}

/** Inputs in their typed form. Throws one sentence that names the bad keys, never their values. */
export function parseInputs<T>(schema: z.ZodType<T>, kind: string, inputs: Properties): T {
  const result = schema.safeParse(plain(inputs));
  if (result.success) return result.data;
  const problems = result.error.issues.flatMap(explain).map((one) => `${one.property}: ${one.reason}`);
  throw new Error(`${kind}: ${problems.join("; ")}`);
}
