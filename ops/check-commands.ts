/** `validate` and `debug`: what is wrong, and what to send to somebody who can tell. */
import type { Command } from "commander";
import type { WithAccess } from "./access.ts";
import { debugBundle } from "./debug.ts";
import { renderChecks, validate } from "./validate.ts";

export function addCheckCommands(program: Command, withAccess: WithAccess): void {
  program
    .command("validate")
    .description("check a living stack end to end; exit code 1 when something is not as promised")
    .option("--json", "the checks as JSON on standard output")
    .action((options: { json?: boolean }) =>
      withAccess(async (access) => {
        const checks = await validate(access);
        process.stdout.write(`${options.json ? JSON.stringify(checks) : renderChecks(checks)}\n`);
        return checks.every(({ ok }) => ok) ? 0 : 1;
      }),
    );
  program
    .command("debug")
    .description("collect what somebody needs who shall find out what is wrong, without secrets")
    .option("-o, --output <file>", "where to; without it a new file here")
    .action((options: { output?: string }) =>
      withAccess(async (access) => {
        const say = (line: string) => void process.stderr.write(`${line}\n`);
        process.stdout.write(`${await debugBundle(access, { say, output: options.output })}\n`);
        return 0;
      }),
    );
}
