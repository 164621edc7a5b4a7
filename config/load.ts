/** The only reader of Pulumi's configuration. Everything wrong is reported at once, before any resource. */
import { existsSync, readFileSync } from "node:fs";
import * as pulumi from "@pulumi/pulumi";
import type { Problem } from "../lib/problem.ts";
import { renderProblems } from "../lib/problem.ts";
import { repositoryPath } from "../lib/repository-file.ts";
import { type Manifest, parseManifest } from "../plan/artifacts.ts";
import { checkManifest, checkSettings } from "../plan/checks.ts";
import { makePlan, type Plan, planWarnings } from "../plan/plan.ts";
import { parseSettings, rawSettings } from "./parse.ts";
import type { Settings } from "./schema.ts";
import { SECRET_KEYS } from "./secrets.ts";

/** What the program needs to know, read and checked. */
export interface Loaded {
  readonly plan: Plan;
  /** Public keys that may log in as root, by name. */
  readonly authorizedKeys: Readonly<Record<string, string>>;
  /** Package source of the nodes; undefined leaves the image's own. */
  readonly apt?: AptSource;
  /** What works but deserves a second look; shown on every run. */
  readonly warnings: readonly string[];
}

interface AptSource {
  readonly uri: string;
  readonly suite: string;
  readonly components: readonly string[];
  /** Armoured OpenPGP public key. */
  readonly key: string;
}

/** Reads a file that the configuration names; a missing one is a problem of that key. */
function readNamed(field: string, path: string, problems: Problem[]): string | undefined {
  const file = repositoryPath(path);
  if (existsSync(file)) return readFileSync(file, "utf8");
  problems.push({ field, got: path, want: "a file that exists", fix: "correct the path, or make the file" });
  return undefined;
}

function readManifest(settings: Partial<Settings>, problems: Problem[]): Manifest | undefined {
  const path = settings.artifacts?.manifest;
  const text = path && readNamed("gardenos:artifacts.manifest", path, problems);
  if (!path || !text) return undefined;
  const parsed = parseManifest(path, text);
  problems.push(...parsed.problems);
  return parsed.manifest;
}

function readAuthorizedKeys(settings: Partial<Settings>, problems: Problem[]): Record<string, string> {
  const keys = Object.entries(settings.ssh?.authorizedKeys ?? {}).map(([name, value]) => {
    const field = `gardenos:ssh.authorizedKeys.${name}`;
    const key = value.endsWith(".pub") ? readNamed(field, value, problems) : value;
    return [name, (key ?? "").trim()];
  });
  return Object.fromEntries(keys);
}

function readApt(settings: Partial<Settings>, problems: Problem[]): AptSource | undefined {
  if (!settings.apt) return undefined;
  const { keyFile, ...source } = settings.apt;
  return { ...source, key: readNamed("gardenos:apt.keyFile", keyFile, problems) ?? "" };
}

/**
 * @throws pulumi.RunError that lists every problem with field, got, want and fix. It prints without a stack.
 */
export function load(): Loaded {
  const identity = { project: pulumi.getProject(), stack: pulumi.getStack() };
  const parsed = parseSettings(rawSettings(pulumi.runtime.allConfig()), SECRET_KEYS);
  const { settings } = parsed;
  const problems = [...parsed.problems, ...checkSettings(settings, identity, parsed.rejectedNodes)];
  const manifest = readManifest(settings, problems);
  const authorizedKeys = readAuthorizedKeys(settings, problems);
  const apt = readApt(settings, problems);
  problems.push(...checkManifest(settings, manifest));
  if (problems.length > 0 || !manifest) {
    throw new pulumi.RunError(renderProblems(`Pulumi.${identity.stack}.yaml`, problems));
  }
  const plan = makePlan(identity, settings as Settings, manifest);
  return { plan, authorizedKeys, ...(apt && { apt }), warnings: planWarnings(plan) };
}
