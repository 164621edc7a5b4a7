/** How far a lab is built: by `--profile`, else by the stack's configuration. */
import { Option } from "commander";
import { PROFILES, type Profile } from "../config/schema.ts";
import { EngineError } from "./engine/errors.ts";
import { readChoices } from "./files.ts";
import type { Lab } from "./lab.ts";
import { configuredProfile } from "./settings.ts";

export function profileOption(): Option {
  return new Option(
    "--profile <profile>",
    "how far to build; without it the stack's configuration decides",
  ).choices(PROFILES);
}

/**
 * The profile of a run.
 * @throws EngineError when the lab is built further already: less would delete what is above
 */
export function pickProfile(lab: Lab, asked: Profile | undefined): Profile {
  const profile = asked ?? configuredProfile(lab);
  const built = readChoices(lab.ctx).profile ?? "hosts";
  if (PROFILES.indexOf(profile) >= PROFILES.indexOf(built)) return profile;
  throw new EngineError(
    `profile ${profile}: this lab is built up to ${built}, and less would delete what is above.\n` +
      "Start afresh for that: npm run -s lab -- reset",
  );
}
