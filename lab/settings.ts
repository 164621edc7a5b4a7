/** What the lab itself reads of the stack's settings, before the program runs. */
import { parseSettings, rawSettings } from "../config/parse.ts";
import type { Profile } from "../config/schema.ts";
import { SECRET_KEYS } from "../config/secret-keys.ts";
import { renderProblems } from "../lib/problem.ts";
import { readRepositoryFile } from "../lib/repository-file.ts";
import { kubernetesVersion } from "../lib/version.ts";
import { type Manifest, parseManifest } from "../plan/artifacts.ts";
import { checkSettings } from "../plan/checks.ts";
import { LAB_NET } from "./addresses.ts";
import { LAB_K3S_VERSION } from "./artifacts/k3s.ts";
import { EngineError } from "./engine/errors.ts";
import type { Lab } from "./lab.ts";
import { stackConfig } from "./stack-config.ts";

const UPSTREAM = "artifacts/upstream.json";

const parsed = (lab: Pick<Lab, "stack">, profile?: Profile) => {
  const overrides = profile && { "gardenos:profile": profile };
  return parseSettings(rawSettings(stackConfig(lab.stack, overrides)), SECRET_KEYS);
};

/**
 * The program's own checks, before anything is built for it. What needs built files (checksums, keys) is checked
 * by the program later.
 * @param profile instead of the configured one; what it leaves out may be broken
 * @throws EngineError with the same text as the program's
 */
export function checkConfig(lab: Lab, profile?: Profile): void {
  const { settings, problems, rejectedNodes } = parsed(lab, profile);
  const all = [...problems, ...checkSettings(settings, lab, rejectedNodes)];
  const file = `Pulumi.${lab.stack}.yaml`;
  if (all.length > 0)
    throw new EngineError(`${renderProblems(file, all)}\n\nThe lab reads ${file} itself: edit it.`);
}

/** How far the stack's configuration wants it built. A broken value is the program's to refuse. */
export function configuredProfile(lab: Lab): Profile {
  return parsed(lab).settings.profile ?? "hosts";
}

/**
 * What the lab's k3s calls itself: the configured release, so that an upgrade can be tried. One with K3s's suffix is
 * not the lab's to claim; the program then says what the manifest has.
 */
export function labK3sVersion(lab: Lab): string {
  const version = parsed(lab).settings.k3s?.version ?? "";
  return version === `v${kubernetesVersion(version)}` ? version : LAB_K3S_VERSION;
}

/** What the lab's own object storage must have; undefined where the profile or the configuration wants none of the lab's. */
export function configuredStorage(
  lab: Pick<Lab, "stack">,
  profile: Profile,
): { readonly bucket: string; readonly region: string } | undefined {
  const { supabase } = parsed(lab).settings;
  if (profile !== "full" || !supabase?.storage || supabase.profile === "none") return undefined;
  const { endpoint, bucket, region } = supabase.storage;
  return endpoint === LAB_NET.storageUrl ? { bucket, region } : undefined;
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
