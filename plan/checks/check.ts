/** The form of a check: see ../checks.ts. */
import type { Settings } from "../../config/schema.ts";
import type { Problem } from "../../lib/problem.ts";
import type { StackIdentity } from "../plan.ts";

/** Looks at what it needs, and skips silently what is missing or broken: the schema has said so. */
export type Check = (settings: Partial<Settings>, context: CheckContext) => readonly Problem[];

interface CheckContext {
  /** Milliseconds since 1970. */
  readonly now: number;
  readonly identity: StackIdentity;
  /** Nodes that the schema refused, and that are therefore missing from the settings. */
  readonly rejectedNodes: number;
}

/** What a stack of this profile has: without Postgres there is neither Supabase nor a service, whatever is set. */
export function settingsOfProfile(settings: Partial<Settings>): Partial<Settings> {
  const { profile, supabase } = settings;
  if (profile === undefined || profile === "full") return settings;
  return { ...settings, services: {}, ...(supabase && { supabase: { ...supabase, profile: "none" } }) };
}

/** The command that mends a setting. */
export const set = (field: string, value: string | number): string =>
  `pulumi config set --path '${field}' ${value}`;

/** The nodes that the schema let through, with their keys. */
export const nodeList = (settings: Partial<Settings>) => Object.entries(settings.nodes ?? {});
