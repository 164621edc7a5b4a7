/**
 * `npm run -s lab -- COMMAND`: a Hetzner Cloud on this machine, and the program that fills it. The engine and what `up` starts are imported
 * by the commands that need them: the others start twice as fast.
 */
import { Command } from "commander";
import { endWithReader } from "../lib/end-with-reader.ts";
import { addOpsCommands } from "../ops/commands.ts";
import { isHealthy, readStatus, renderStatus, type Status } from "../ops/status/index.ts";
import { addSupabaseCommands } from "../ops/supabase-commands.ts";
import { type CommandContext, inside, print } from "./commands/context.ts";
import { addFaultCommands } from "./commands/faults.ts";
import { addMachineCommands } from "./commands/machine.ts";
import { addOutputCommand } from "./commands/output.ts";
import type { DeployOptions } from "./deploy.ts";
import { messageOf } from "./engine/errors.ts";
import { type EngineChoice, engineOption, pickEngine } from "./engine-choice.ts";
import { kubectl } from "./kubectl.ts";
import { type Lab, openLab } from "./lab.ts";
import { labAccess, ssh } from "./node-access.ts";
import { reset, switchOff } from "./off.ts";
import { stackExports } from "./outputs.ts";
import { pickProfile, profileOption } from "./profile.ts";
import { deployWithPulumi } from "./pulumi-cli.ts";
import { checkConfig } from "./settings.ts";
import { runInLab } from "./shell.ts";

/** After machines lost power, members need a moment until they are a cluster again. */
const SETTLE_MS = 60_000;

/** The last word of a command that worked. */
function report(sentence: string): number {
  print(sentence);
  return 0;
}

/** Looks until everything is well or a minute has passed. */
async function settledStatus(lab: Lab): Promise<Status> {
  const deadline = Date.now() + SETTLE_MS;
  const access = labAccess(lab, await stackExports(lab));
  for (;;) {
    const found = await readStatus(access);
    if (isHealthy(found) || Date.now() > deadline) return found;
    await new Promise((resolve) => setTimeout(resolve, 500));
  }
}

type RunOptions = DeployOptions & { readonly engine: EngineChoice };

/** One run of the program with the engine that this lab has, or that was asked for. Answers the exit code. */
async function run(lab: Lab, what: "up" | "preview", options: RunOptions): Promise<number> {
  const engine =
    pickEngine(lab, options.engine) === "pulumi" ? deployWithPulumi : (await import("./deploy.ts")).deploy;
  return (await engine(lab, what, options)).exitCode;
}

/** The part of `up` that happens inside the lab's network. */
async function deployInside(lab: Lab, options: RunOptions): Promise<number> {
  await (await import("./object-storage/controls.ts")).startStorage(lab);
  const code = await run(lab, "up", options);
  if (code !== 0) return code;
  const found = await settledStatus(lab);
  (options.json ? process.stderr : process.stdout).write(`\n${renderStatus(found)}\n`);
  if (isHealthy(found)) return 0;
  process.stderr.write("Not everything is well. What, and why: npm run -s lab -- validate\n");
  return 1;
}

function commands({ lab, done }: CommandContext): Command {
  const program = new Command("lab")
    .enablePositionalOptions()
    .description("A Hetzner Cloud on this machine, and the program that fills it.");
  const add = (name: string, text: string) => program.command(name).description(text);

  add("up", "build what is missing, start the lab, deploy the program, show the result")
    .addOption(engineOption())
    .addOption(profileOption())
    .option("--json", "the result as JSON on standard output")
    .action(async (options) => done(await (await import("./up.ts")).up(lab, options)));
  add("preview", "show what `up` would change; touches nothing and runs anywhere")
    .addOption(engineOption())
    .addOption(profileOption())
    .option("--json", "the changes as JSON on standard output")
    .action(async (options) => {
      checkConfig(lab, options.profile);
      pickProfile(lab, options.profile);
      done(await run(lab, "preview", options));
    });
  add("down", "switch everything off; disks and state stay in .lab").action(async () =>
    done(
      await switchOff(lab).then(() =>
        report("The lab is off. Disks and state stay in .lab; `make up` brings it back."),
      ),
    ),
  );
  add("reset", "switch everything off and forget disks and state").action(async () =>
    done(await reset(lab).then(() => report("The lab is off, and its disks and state are gone."))),
  );
  addOpsCommands(program, async (body) =>
    done(await inside(lab, async () => body(labAccess(lab, await stackExports(lab))))),
  );
  add("ssh", "a shell on a node, or one command")
    .argument("<node>")
    .argument("[command...]")
    .passThroughOptions()
    .action(async (node, command) => done(await ssh(lab, node, command)));
  add("logs", "a node's journal")
    .argument("<node>")
    .option("-u, --unit <unit>", "one unit only")
    .option("-n, --lines <count>", "how many lines", "200")
    .option("-f, --follow", "keep printing")
    .action(async (node, { unit, lines, follow }) =>
      done(
        await ssh(lab, node, [
          "journalctl",
          "--no-pager",
          "-n",
          lines,
          ...(unit ? ["-u", unit] : []),
          ...(follow ? ["-f"] : []),
        ]),
      ),
    );
  add("exec", "run a command of this machine inside the lab's network, as the administrator")
    .argument("<command...>")
    .passThroughOptions()
    .action(async (command) => done(await runInLab(lab.ctx, command)));
  add("kubectl", "kubectl with the exported kubeconfig, from the administrator's address")
    .argument("[arguments...]")
    .passThroughOptions()
    .allowUnknownOption()
    .helpOption(false)
    .action(async (argv) => done(await kubectl(lab, argv)));
  addSupabaseCommands(program, () => lab.stack);
  addOutputCommand(program, { lab, done });
  addMachineCommands(program, { lab, done });
  addFaultCommands(program, { lab, done });
  program
    .command("deploy", { hidden: true })
    .addOption(engineOption())
    .addOption(profileOption())
    .option("--json")
    .action(async (options) => done(await deployInside(lab, options)));
  return program;
}

async function main(): Promise<void> {
  endWithReader();
  try {
    const done = (code: number) => {
      process.exitCode = code;
    };
    await commands({ lab: openLab(), done }).parseAsync();
  } catch (error) {
    process.stderr.write(`lab: ${messageOf(error)}\n`);
    process.exitCode = 1;
  }
}

await main();
