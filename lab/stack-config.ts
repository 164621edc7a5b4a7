/** Reads a stack's configuration as the Pulumi CLI does: project defaults, then the stack's file. */
import { existsSync } from "node:fs";
import { parse } from "yaml";
import { readRepositoryFile, repositoryPath } from "../lib/repository-file.ts";
import { EngineError, messageOf } from "./engine/errors.ts";

interface Declaration {
  readonly default?: unknown;
}

const asText = (value: unknown): string => (typeof value === "string" ? value : JSON.stringify(value));

/** Settings with a value: `null` is what YAML makes of a key with nothing behind it. */
const given = (config: Readonly<Record<string, unknown>>) =>
  Object.fromEntries(Object.entries(config).filter(([, value]) => value !== null && value !== undefined));

/**
 * Values by full key, as text or JSON. A stack's value replaces a default whole; nothing is merged.
 * @param overrides values that replace the stack's own. @default none
 * @throws EngineError when the stack has no file, or keeps secrets in it (the lab has no key to open them)
 */
export function stackConfig(
  stack: string,
  overrides: Readonly<Record<string, unknown>> = {},
): Record<string, string> {
  const file = `Pulumi.${stack}.yaml`;
  if (!existsSync(repositoryPath(file)))
    throw new EngineError(`there is no ${file}; stacks are dev, prod and lab`);
  const project = readYaml("Pulumi.yaml") as { config?: Record<string, Declaration> };
  const own = (readYaml(file) as { config?: Record<string, unknown> } | null)?.config ?? {};
  const defaults = Object.entries(project.config ?? {})
    .filter(([, declaration]) => declaration.default !== undefined)
    .map(([key, declaration]) => [key, declaration.default] as const);
  const merged = { ...Object.fromEntries(defaults), ...given(own), ...given(overrides) };
  const encrypted = Object.entries(merged).find(([, value]) => isEncrypted(value));
  if (encrypted) {
    throw new EngineError(`${file}: ${encrypted[0]} is encrypted, and only the Pulumi CLI can open it`);
  }
  return Object.fromEntries(Object.entries(merged).map(([key, value]) => [key, asText(value)]));
}

/** @throws EngineError that names the file and the line */
function readYaml(file: string): unknown {
  try {
    return parse(readRepositoryFile(file));
  } catch (error) {
    throw new EngineError(`${file} is no YAML: ${messageOf(error)}`);
  }
}

function isEncrypted(value: unknown): boolean {
  return value !== null && typeof value === "object" && "secure" in value;
}

/**
 * Configuration for a preview before the first `up`, when nothing is built: placeholders stand for files whose
 * contents are not known yet. Nothing when they are there.
 */
export function placeholders(stack: string): Readonly<Record<string, unknown>> {
  const configured = stackConfig(stack);
  if (existsSync(repositoryPath(JSON.parse(configured["gardenos:artifacts"] ?? "{}").manifest))) return {};
  const apt = JSON.parse(configured["gardenos:apt"] ?? "{}");
  return {
    "gardenos:artifacts": { manifest: "lab/placeholders/manifest.json" },
    "gardenos:ssh": { authorizedKeys: { lab: "lab/placeholders/administrator.pub" } },
    "gardenos:apt": { ...apt, keyFile: "lab/placeholders/apt-key.asc" },
  };
}
