/** What the lab itself reads of the stack's settings, before the program runs. */
import { parseSettings, rawSettings } from "../config/parse.ts";
import type { Profile } from "../config/schema.ts";
import { renderProblems } from "../lib/problem.ts";
import { readRepositoryFile } from "../lib/repository-file.ts";
import { type Manifest, parseManifest } from "../plan/artifacts.ts";
import { checkSettings } from "../plan/checks.ts";
import { EngineError } from "./engine/errors.ts";
import type { Lab } from "./lab.ts";
import { stackConfig } from "./stack-config.ts";

const UPSTREAM = "artifacts/upstream.json";

const parsed = (lab: Lab) => parseSettings(rawSettings(stackConfig(lab.stack)));

/**
 * The program's own checks, before anything is built for it. What needs built files (checksums, keys) is checked
 * by the program later.
 * @throws EngineError with the same text as the program's
 */
export function checkConfig(lab: Lab): void {
  const { settings, problems, rejectedNodes } = parsed(lab);
  const all = [...problems, ...checkSettings(settings, lab, rejectedNodes)];
  if (all.length > 0) throw new EngineError(renderProblems(`Pulumi.${lab.stack}.yaml`, all));
}

/** How far the stack's configuration wants it built. A broken value is the program's to refuse. */
export function configuredProfile(lab: Lab): Profile {
  return parsed(lab).settings.profile ?? "hosts";
}

/**
 * With `lab.artifacts: upstream`, production's manifest: the lab then downloads what production's nodes would.
 * @throws EngineError while a checksum in it is not pinned
 */
export function upstreamManifest(lab: Lab): Manifest | undefined {
  if (parsed(lab).settings.lab?.artifacts !== "upstream") return undefined;
  const { manifest, problems } = parseManifest(UPSTREAM, readRepositoryFile(UPSTREAM));
  if (!manifest) throw new EngineError(renderProblems(UPSTREAM, problems));
  return manifest;
}
