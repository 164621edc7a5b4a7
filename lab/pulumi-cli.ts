/**
 * The other engine: the Pulumi CLI, where one is on the PATH, through the Automation API, on the same project and
 * stack. It works on a project file of its own in `.lab`, because the CLI writes into the stack's file.
 */
import { spawnSync } from "node:child_process";
import { existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { parse, stringify } from "yaml";
import { readRepositoryFile, repositoryPath } from "../lib/repository-file.ts";
import { EngineError } from "./engine/errors.ts";
import { readChoices } from "./files.ts";
import type { Lab } from "./lab.ts";

/** `auto`: the one that made this lab; for a new lab the CLI if there is one. */
export type EngineChoice = "auto" | "pulumi" | "builtin";

const hasPulumiCli = (): boolean => spawnSync("pulumi", ["version"], { stdio: "ignore" }).status === 0;

/** @throws EngineError when the choice can't be had, or another engine holds this lab's state */
export function pickEngine(lab: Lab, choice: EngineChoice): "pulumi" | "builtin" {
  const made = readChoices(lab.ctx).engine;
  const picked = choice === "auto" ? (made ?? (hasPulumiCli() ? "pulumi" : "builtin")) : choice;
  if (made && made !== picked) {
    throw new EngineError(
      `this lab was made with --engine ${made}, and its state can't change hands.\n` +
        "Use that engine, or start afresh: npm run -s lab -- reset",
    );
  }
  if (picked === "pulumi" && !hasPulumiCli()) {
    throw new EngineError(
      "--engine pulumi: there is no `pulumi` on the PATH. Install it, or use --engine builtin.",
    );
  }
  return picked;
}

const home = (lab: Lab): string => join(lab.ctx.dir, "pulumi");

/** Project and stack file for the CLI: copies whose program is the checkout. The salt it writes is kept. */
function writeProject(lab: Lab): void {
  mkdirSync(join(home(lab), "state"), { recursive: true, mode: 0o700 });
  const project = parse(readRepositoryFile("Pulumi.yaml"));
  writeFileSync(join(home(lab), "Pulumi.yaml"), stringify({ ...project, main: repositoryPath("index.ts") }));
  const stackFile = join(home(lab), `Pulumi.${lab.stack}.yaml`);
  const before = existsSync(stackFile) ? parse(readFileSync(stackFile, "utf8")) : {};
  const stack = parse(readRepositoryFile(`Pulumi.${lab.stack}.yaml`));
  writeFileSync(stackFile, stringify({ ...before, ...stack }), { mode: 0o600 });
}

async function openStack(lab: Lab) {
  const { LocalWorkspace } = await import("@pulumi/pulumi/automation/index.js");
  writeProject(lab);
  return LocalWorkspace.createOrSelectStack(
    { stackName: lab.stack, workDir: home(lab) },
    {
      envVars: {
        PULUMI_BACKEND_URL: `file://${join(home(lab), "state")}`,
        PULUMI_CONFIG_PASSPHRASE: lab.files.passphrase,
        PULUMI_SKIP_UPDATE_CHECK: "1",
        HCLOUD_TOKEN: lab.files.token,
      },
    },
  );
}

/** Runs `pulumi up` or `pulumi preview`, output as it comes. Answers the exit code. */
export async function deployWithPulumi(lab: Lab, what: "up" | "preview"): Promise<number> {
  const stack = await openStack(lab);
  const onOutput = (text: string): void => void process.stdout.write(text);
  try {
    if (what === "up") await stack.up({ onOutput, onError: onOutput });
    else await stack.preview({ onOutput, onError: onOutput });
    return 0;
  } catch {
    // The CLI has printed what went wrong.
    return 1;
  }
}

/** The stack's exports. */
export async function pulumiOutputs(lab: Lab): Promise<Readonly<Record<string, unknown>>> {
  const outputs = await (await openStack(lab)).outputs();
  return Object.fromEntries(Object.entries(outputs).map(([key, output]) => [key, output.value]));
}
