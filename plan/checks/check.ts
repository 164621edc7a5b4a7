/** The form of a check: see ../checks.ts. */
import type { Settings } from "../../config/schema.ts";
import type { Problem } from "../../lib/problem.ts";
import type { StackIdentity } from "../plan.ts";

/** Looks at what it needs, and skips silently what is missing or broken: the schema has said so. */
export type Check = (settings: Partial<Settings>, context: CheckContext) => readonly Problem[];

interface CheckContext {
  readonly identity: StackIdentity;
  /** Nodes that the schema refused, and that are therefore missing from the settings. */
  readonly rejectedNodes: number;
}

/** The nodes that the schema let through, with their keys. */
export const nodeList = (settings: Partial<Settings>) => Object.entries(settings.nodes ?? {});
