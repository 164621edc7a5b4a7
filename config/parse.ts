/** Turns raw configuration values into {@link Settings}, or into the list of everything that is wrong with them. */
import type { z } from "zod";
import { HIDDEN, type Problem } from "../lib/problem.ts";
import { nodeSchema, SCHEMA, type SettingKey, type Settings } from "./schema.ts";

/** Settings whose broken keys are missing, and the problems found in those keys. */
export interface Parsed {
  readonly settings: Partial<Settings>;
  readonly problems: readonly Problem[];
  /** Nodes left out of `settings` because they are broken: whatever counts nodes must count these too. */
  readonly rejectedNodes: number;
}

const KEYS = Object.keys(SCHEMA) as SettingKey[];

/** Config path as `pulumi config set --path` takes it. */
function fieldPath(path: readonly PropertyKey[]): string {
  return path.reduce<string>(
    (field, part, i) =>
      typeof part === "number" ? `${field}[${part}]` : `${field}${i === 0 ? "" : "."}${String(part)}`,
    "gardenos:",
  );
}

function valueAt(raw: unknown, path: readonly PropertyKey[]): unknown {
  return path.reduce<unknown>(
    (value, part) => (value !== null && typeof value === "object" ? Reflect.get(value, part) : undefined),
    raw,
  );
}

/** A variable's value, and an address with a user, a password or a token in it. */
function mayBeSecret([key, , field]: readonly PropertyKey[], value: unknown): boolean {
  const text = JSON.stringify(value) ?? "";
  if (key === "services" && (field === "env" || text.includes('"env":'))) return true;
  return /[a-z][a-z0-9+.-]*:\/\/[^\s"]*@|https?:[^\s"]*[@?#]/i.test(text);
}

function toProblems(key: string, raw: unknown, error: z.ZodError): Problem[] {
  return error.issues.flatMap((issue) => {
    const path = [key, ...issue.path];
    if (issue.code === "unrecognized_keys") {
      return issue.keys.map((name) => ({
        field: fieldPath([...path, name]),
        got: HIDDEN,
        want: "no such key",
        fix: `pulumi config rm --path '${fieldPath([...path, name])}'`,
      }));
    }
    if (issue.code === "invalid_key") {
      const want = issue.issues[0]?.message ?? issue.message;
      const fix = `choose another name, then pulumi config rm --path '${fieldPath(path)}'`;
      return { field: fieldPath(path), got: issue.path.at(-1), want, fix };
    }
    const value = valueAt(raw, issue.path);
    return {
      field: fieldPath(path),
      got: mayBeSecret(path, value) ? HIDDEN : value,
      want: issue.message,
      fix: `pulumi config set --path '${fieldPath(path)}' <value>`,
    };
  });
}

/** Nodes are parsed one by one, so that the good ones can be checked against each other all the same. */
function parseNodes(raw: unknown): {
  readonly nodes?: Settings["nodes"];
  readonly problems: readonly Problem[];
} {
  if (raw === null || typeof raw !== "object" || Array.isArray(raw)) {
    const whole = SCHEMA.nodes.safeParse(raw);
    return { problems: whole.success ? [] : toProblems("nodes", raw, whole.error) };
  }
  const results = Object.entries(raw).map(([key, node]) => ({
    key,
    node,
    result: nodeSchema.safeParse(node),
  }));
  return {
    nodes: Object.fromEntries(
      results.flatMap(({ key, result }) => (result.success ? [[key, result.data]] : [])),
    ),
    problems: results.flatMap(({ key, node, result }) =>
      result.success
        ? []
        : toProblems("nodes", node, result.error).map((p) => ({
            ...p,
            field: p.field.replace("gardenos:nodes", `gardenos:nodes.${key}`),
            fix: p.fix.replace("gardenos:nodes", `gardenos:nodes.${key}`),
          })),
    ),
  };
}

/** Names that objects have a meaning of their own for: the schema would leave them out without a word. */
function lostNames(value: unknown, path: readonly PropertyKey[] = []): Problem[] {
  if (value === null || typeof value !== "object") return [];
  return Object.entries(value).flatMap(([name, each]) => {
    const here = [...path, Array.isArray(value) ? Number(name) : name];
    if (name !== "__proto__") return lostNames(each, here);
    const want = "another name: nothing can be kept by this one";
    return [{ field: fieldPath(here), got: HIDDEN, want, fix: "choose another name" }];
  });
}

function unknownKeys(raw: Readonly<Record<string, unknown>>, known: readonly string[]): Problem[] {
  return Object.keys(raw)
    .filter((key) => !known.includes(key))
    .map((key) => ({
      field: `gardenos:${key}`,
      got: HIDDEN,
      want: `one of ${[...known].sort().join(", ")}`,
      fix: `pulumi config rm gardenos:${key}`,
    }));
}

/** Values of the `gardenos` namespace by key. Pulumi hands over everything that isn't plain text as JSON. */
export function rawSettings(config: Readonly<Record<string, string>>): Record<string, unknown> {
  const namespace = "gardenos:";
  return Object.fromEntries(
    Object.entries(config)
      .filter(([key]) => key.startsWith(namespace))
      .map(([key, value]) => [key.slice(namespace.length), parseValue(value)]),
  );
}

function parseValue(text: string): unknown {
  if (!/^(\{|\[|true$|false$)/.test(text)) return text;
  try {
    return JSON.parse(text);
  } catch {
    return text;
  }
}

/**
 * @param raw values by key, without the namespace
 * @param secretKeys keys that exist but hold secrets, and are read elsewhere
 */
export function parseSettings(
  raw: Readonly<Record<string, unknown>>,
  secretKeys: readonly string[] = [],
): Parsed {
  const problems: Problem[] = unknownKeys(raw, [...KEYS, ...secretKeys]);
  problems.push(...KEYS.flatMap((key) => lostNames(raw[key], [key])));
  const settings: Record<string, unknown> = {};
  for (const key of KEYS.filter((k) => k !== "nodes")) {
    const result = SCHEMA[key].safeParse(raw[key]);
    if (result.success) settings[key] = result.data;
    else problems.push(...toProblems(key, raw[key], result.error));
  }
  const { nodes, problems: nodeProblems } = parseNodes(raw["nodes"]);
  if (nodes) settings["nodes"] = nodes;
  const rejectedNodes = new Set(nodeProblems.map((p) => p.field.split(".")[1])).size;
  return { settings: settings as Partial<Settings>, problems: [...problems, ...nodeProblems], rejectedNodes };
}
