/** `faults`: breaks nodes on purpose, and measures what clients see. */
import { randomInt } from "node:crypto";
import { type Command, InvalidArgumentError, Option } from "commander";
import { untilInterrupted } from "../../ops/watch.ts";
import { FAULTS } from "../faults/faults.ts";
import { POSTGRES_FAULTS } from "../faults/postgres/faults.ts";
import { missesOf as missesOfPostgres, renderPostgresFaults } from "../faults/postgres/report.ts";
import { missesOf, renderFaults } from "../faults/report.ts";
import type { FaultsOptions } from "../faults/rounds.ts";
import { labWorld } from "../faults/world.ts";
import type { Lab } from "../lab.ts";
import { labAccess } from "../node-access.ts";
import { stackExports } from "../outputs.ts";
import { type CommandContext, inside, print } from "./context.ts";

interface Options {
  readonly runs: number;
  readonly seed?: string;
  readonly fault?: readonly string[];
  readonly keepSettings?: boolean;
  readonly json?: boolean;
}

export function addFaultCommands(program: Command, { lab, done }: CommandContext): void {
  const faults = program
    .command("faults")
    .description("break nodes on purpose, and measure what clients see");
  const add = (layer: string, text: string, all: readonly Named[], body: typeof faultsApi) =>
    faults
      .command(layer)
      .description(text)
      .option("--runs <count>", "of each fault", count, 1)
      .option("--seed <seed>", "repeats the same choice of nodes; without it a new one, printed")
      .addOption(new Option("--fault <names...>", "these only").choices(all.map(({ name }) => name)))
      .option("--keep-settings", "leave settings that faults change; the next `up` puts them back")
      .option("--json", "the runs as JSON on standard output")
      .addHelpText(
        "after",
        `\nFaults:\n${all.map((each) => `  ${each.name.padEnd(16)}${each.text}`).join("\n")}`,
      )
      .action(async (options: Options) => done(await inside(lab, () => body(lab, options))));
  add(
    "api",
    "clients of the Kubernetes API; exit code 1 when one waits too long or a node stays away",
    FAULTS,
    faultsApi,
  );
  add(
    "postgres",
    "clients that write to Postgres; exit code 1 when a row is lost, two servers take rows, or one waits too long",
    POSTGRES_FAULTS,
    faultsPostgres,
  );
}

interface Named {
  readonly name: string;
  readonly text: string;
}

function count(text: string): number {
  if (!/^[1-9]\d{0,3}$/.test(text)) throw new InvalidArgumentError("Wanted a number from 1 on.");
  return Number(text);
}

/** What both layers need. */
async function prepare<T extends Named>(lab: Lab, options: Options, all: readonly T[]) {
  const access = labAccess(lab, await stackExports(lab));
  const signal = untilInterrupted();
  signal.addEventListener("abort", () => {
    process.stderr.write("interrupted: ending the fault of the moment; once more ends at once\n");
  });
  return {
    access,
    world: labWorld(lab, access),
    options: {
      faults: all.filter(({ name }) => options.fault?.includes(name) ?? true),
      runs: options.runs,
      keepSettings: options.keepSettings ?? false,
      seed: options.seed ?? String(randomInt(1e9)),
      signal,
      say: (line: string) => void process.stderr.write(`${line}\n`),
    },
  };
}

/** False: it ended early, and has said why. */
const isAll = (runs: readonly unknown[], asked: FaultsOptions<unknown>): boolean =>
  runs.length === asked.faults.length * asked.runs;

async function faultsPostgres(lab: Lab, given: Options): Promise<number> {
  const { access, world, options } = await prepare(lab, given, POSTGRES_FAULTS);
  const { runPostgresFaults } = await import("../faults/postgres/runner.ts");
  const runs = await runPostgresFaults(access, world, options);
  const { seed } = options;
  print(given.json ? JSON.stringify({ seed, runs }) : renderPostgresFaults(runs, seed));
  return isAll(runs, options) && runs.every((run) => missesOfPostgres(run).length === 0) ? 0 : 1;
}

async function faultsApi(lab: Lab, given: Options): Promise<number> {
  const { access, world, options } = await prepare(lab, given, FAULTS);
  const { runFaults } = await import("../faults/runner.ts");
  const runs = await runFaults(access, world, options);
  const { seed } = options;
  print(given.json ? JSON.stringify({ seed, runs }) : renderFaults(runs, seed));
  return isAll(runs, options) && runs.every((run) => missesOf(run).length === 0) ? 0 : 1;
}
