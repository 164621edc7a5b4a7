/** Which engine deploys: a stack's state belongs to the one that made it. */
import { Option } from "commander";
import { EngineError } from "./engine/errors.ts";
import { readChoices } from "./files.ts";
import type { Lab } from "./lab.ts";
import { hasPulumiCli } from "./pulumi-cli.ts";

export type EngineName = "pulumi" | "builtin";

/** `auto`: the one that made this lab; for a new lab the CLI if there is one. */
export type EngineChoice = "auto" | EngineName;

export const engineOption = (): Option =>
  new Option("--engine <engine>", "what deploys: the Pulumi CLI or the lab's own engine")
    .choices(["auto", "pulumi", "builtin"])
    .default("auto");

/** @throws EngineError when the choice can't be had, or another engine holds this lab's state */
export function pickEngine({ ctx }: Pick<Lab, "ctx">, choice: EngineChoice): EngineName {
  const made = readChoices(ctx).engine;
  const picked = choice === "auto" ? (made ?? (hasPulumiCli() ? "pulumi" : "builtin")) : choice;
  if (made && made !== picked) {
    throw new EngineError(
      `this lab was made with --engine ${made}, and its state can't change hands.\n` +
        "Use that engine, or start afresh: npm run -s lab -- reset",
    );
  }
  if (picked === "pulumi" && !hasPulumiCli()) {
    const instead = made ? "start afresh: npm run -s lab -- reset" : "use --engine builtin";
    throw new EngineError(`--engine pulumi: there is no \`pulumi\` on the PATH. Install it, or ${instead}.`);
  }
  return picked;
}
