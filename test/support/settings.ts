import { parseSettings } from "../../config/parse.ts";
import type { Settings } from "../../config/schema.ts";
import type { Problem } from "../../lib/problem.ts";
import { readRepositoryFile } from "../../lib/repository-file.ts";
import type { Manifest } from "../../plan/artifacts.ts";
import { checkSettings } from "../../plan/checks.ts";

/** The smallest configuration that is right. */
export const GOOD = {
  nodes: {
    n1: { location: "fsn1", privateIp: "10.0.1.11" },
    n2: { location: "fsn1", privateIp: "10.0.1.12" },
    n3: { location: "fsn1", privateIp: "10.0.1.13" },
  },
  adminCidrs: ["203.0.113.10/32"],
} as const;

const IDENTITY = { project: "gardenos", stack: "test" } as const;

export const MANIFEST = JSON.parse(readRepositoryFile("test/support/fixtures/manifest.json")) as Manifest;

/** All problems of a raw configuration, as the program would list them. */
export function problemsOf(raw: Readonly<Record<string, unknown>>): readonly Problem[] {
  const { settings, problems, rejectedNodes } = parseSettings(raw);
  return [...problems, ...checkSettings(settings, IDENTITY, rejectedNodes)];
}

/** Settings of a configuration that must be right. */
export function settingsOf(raw: Readonly<Record<string, unknown>> = GOOD): Settings {
  const problems = problemsOf(raw);
  if (problems.length > 0) throw new Error(`not a good configuration: ${JSON.stringify(problems)}`);
  return parseSettings(raw).settings as Settings;
}
