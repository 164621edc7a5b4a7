import { parseSettings, rawSettings } from "../config/parse.ts";
import { renderProblems } from "../lib/problem.ts";
import { checkSettings } from "../plan/checks.ts";
import { EngineError } from "./engine/errors.ts";
import type { Lab } from "./lab.ts";
import { stackConfig } from "./stack-config.ts";

/**
 * The program's own checks of its settings, before anything is built for it. What needs built files (checksums,
 * keys) is checked by the program later.
 * @throws EngineError with the same text as the program's
 */
export function checkConfig(lab: Lab): void {
  const { settings, problems, rejectedNodes } = parseSettings(rawSettings(stackConfig(lab.stack)));
  const all = [...problems, ...checkSettings(settings, lab, rejectedNodes)];
  if (all.length > 0) throw new EngineError(renderProblems(`Pulumi.${lab.stack}.yaml`, all));
}
