/** `faults`: breaks nodes on purpose, and measures what clients see. */
import { randomInt } from "node:crypto";
import { type Command, InvalidArgumentError, Option } from "commander";
import { FAULTS } from "../faults/faults.ts";
import { missesOf, renderFaults } from "../faults/report.ts";
import { runFaults } from "../faults/runner.ts";
import { labWorld } from "../faults/world.ts";
import type { Lab } from "../lab.ts";
import { labAccess } from "../node-access.ts";
import { stackExports } from "../outputs.ts";
import { type CommandContext, inside, print } from "./context.ts";

interface Options {
  readonly runs: number;
  readonly seed?: string;
  readonly fault?: readonly string[];
  readonly json?: boolean;
}

export function addFaultCommands(program: Command, { lab, done }: CommandContext): void {
  const names = FAULTS.map(({ name }) => name);
  const list = FAULTS.map(({ name, text }) => `  ${name.padEnd(14)}${text}`).join("\n");
  program
    .command("faults")
    .description("break nodes on purpose, and measure what clients see")
    .command("api")
    .description("clients of the Kubernetes API; exit code 1 when one waits too long or a node stays away")
    .option("--runs <count>", "of each fault", count, 1)
    .option("--seed <seed>", "repeats the same choice of nodes; without it a new one, printed")
    .addOption(new Option("--fault <names...>", "these only").choices(names))
    .option("--json", "the runs as JSON on standard output")
    .addHelpText("after", `\nFaults:\n${list}`)
    .action(async (options: Options) => done(await inside(lab, () => faultsApi(lab, options))));
}

function count(text: string): number {
  if (!/^[1-9]\d{0,3}$/.test(text)) throw new InvalidArgumentError("Wanted a number from 1 on.");
  return Number(text);
}

async function faultsApi(lab: Lab, options: Options): Promise<number> {
  const access = labAccess(lab, await stackExports(lab));
  const seed = options.seed ?? String(randomInt(1e9));
  const runs = await runFaults(access, labWorld(lab, access), {
    faults: FAULTS.filter(({ name }) => options.fault?.includes(name) ?? true),
    runs: options.runs,
    seed,
    say: (line) => void process.stderr.write(`${line}\n`),
  });
  print(options.json ? JSON.stringify({ seed, runs }) : renderFaults(runs, seed));
  return runs.every((run) => missesOf(run).length === 0) ? 0 : 1;
}
