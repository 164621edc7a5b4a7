/** `output`: what the stack exports, as `pulumi stack output` has it. */
import type { Command } from "commander";
import { stringify } from "yaml";
import { EngineError } from "../engine/errors.ts";
import { stackOutputs } from "../outputs.ts";
import { type CommandContext, print } from "./context.ts";

interface OutputOptions {
  readonly json?: boolean;
  readonly showSecrets?: boolean;
}

export function addOutputCommand(program: Command, { lab, done }: CommandContext): void {
  program
    .command("output")
    .description("what the stack exports (docs/outputs.md)")
    .argument("[name]", "one of them, or a value within it: postgres.caPem")
    .option("--json", "as JSON")
    .option("--show-secrets", "secrets in clear")
    .action(async (name: string | undefined, { json, showSecrets = false }: OutputOptions) => {
      const value = select(await stackOutputs(lab, { showSecrets }), name);
      if (json) print(JSON.stringify(value, null, 2));
      else print(typeof value === "string" ? value : stringify(value).trimEnd());
      done(0);
    });
}

/** @throws EngineError that says what there is */
function select(outputs: unknown, path: string | undefined): unknown {
  let value = outputs;
  for (const [i, part] of (path?.split(".") ?? []).entries()) {
    const fields = value !== null && typeof value === "object" ? value : {};
    if (!Object.hasOwn(fields, part)) {
      const place = path?.split(".").slice(0, i).join(".");
      const there = Object.keys(fields).join(", ") || "nothing; `make up` makes it";
      throw new EngineError(`no output ${path}. There is${place ? `, in ${place}` : ""}: ${there}`);
    }
    value = (fields as Record<string, unknown>)[part];
  }
  return value;
}
