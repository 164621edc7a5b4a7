/**
 * The other engine: the Pulumi CLI, where one is on the PATH, through the Automation API, on the same project and
 * stack. It works on a project file of its own in `.lab`, because the CLI writes into the stack's file.
 */
import { spawnSync } from "node:child_process";
import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { delimiter, join } from "node:path";
import type { EngineEvent, LocalWorkspace, Stack } from "@pulumi/pulumi/automation/index.js";
import { parse, stringify } from "yaml";
import type { Profile } from "../config/schema.ts";
import { readRepositoryFile, repositoryPath } from "../lib/repository-file.ts";
import type { DeployOptions } from "./deploy.ts";
import { EngineError } from "./engine/errors.ts";
import type { Result } from "./engine/events.ts";
import type { Lab } from "./lab.ts";
import { resultOf } from "./pulumi-events.ts";
import { labSecrets } from "./secrets.ts";
import { placeholders } from "./stack-config.ts";

const onPath = (command: string): boolean =>
  (process.env["PATH"] ?? "").split(delimiter).some((dir) => existsSync(join(dir, command)));

export const hasPulumiCli = (): boolean => onPath("pulumi");

const home = (lab: Lab): string => join(lab.ctx.dir, "pulumi");
const stackFile = (lab: Lab): string => join(home(lab), `Pulumi.${lab.stack}.yaml`);

/** Plugins and the CLI's own logs go to the cache, so that nothing lands in the user's home. */
const pulumiHome = (lab: Lab): string => join(lab.ctx.cacheDir, "pulumi");

const environment = (lab: Lab): Record<string, string> => ({
  PULUMI_BACKEND_URL: `file://${join(home(lab), "state")}`,
  PULUMI_CONFIG_PASSPHRASE: lab.files.passphrase,
  PULUMI_HOME: pulumiHome(lab),
  PULUMI_SKIP_UPDATE_CHECK: "1",
});

/** Runs the CLI itself, where the Automation API would put a secret on a command line. */
function pulumi(lab: Lab, argv: readonly string[], input = ""): void {
  const env = { ...process.env, ...environment(lab) };
  const { status, stderr } = spawnSync("pulumi", [...argv, "--non-interactive"], {
    cwd: home(lab),
    env,
    input,
    encoding: "utf8",
  });
  if (status !== 0) throw new EngineError(`pulumi ${argv.slice(0, 2).join(" ")}: ${stderr.trim()}`);
}

type StackFile = { readonly config?: Readonly<Record<string, unknown>> };

const readStackFile = (lab: Lab): StackFile =>
  existsSync(stackFile(lab)) ? parse(readFileSync(stackFile(lab), "utf8")) : {};

/**
 * Project and stack file for the CLI: copies whose program is the checkout. What the CLI added, its salt and the
 * encrypted secrets, is kept. A preview has no network, so nothing is refreshed then.
 */
function writeProject(lab: Lab, what: "up" | "preview", profile: Profile | undefined): void {
  mkdirSync(join(home(lab), "state"), { recursive: true, mode: 0o700 });
  const { options, ...project } = parse(readRepositoryFile("Pulumi.yaml"));
  const copy = { ...project, main: repositoryPath("index.ts"), ...(what === "up" && { options }) };
  writeFileSync(join(home(lab), "Pulumi.yaml"), stringify(copy));
  const before = readStackFile(lab);
  const stack = parse(readRepositoryFile(`Pulumi.${lab.stack}.yaml`));
  const secrets = Object.keys(labSecrets(lab.files)).filter((key) => key in (before.config ?? {}));
  const config = {
    ...stack.config,
    ...(what === "preview" && placeholders(lab.stack)),
    ...(profile && { "gardenos:profile": profile }),
    ...Object.fromEntries(secrets.map((key) => [key, before.config?.[key]])),
  };
  writeFileSync(stackFile(lab), stringify({ ...before, ...stack, config }), { mode: 0o600 });
}

/** The Automation API, loaded only when it is needed: that takes a while. */
async function automation(lab: Lab): Promise<typeof LocalWorkspace> {
  // It asks the CLI for its version without the environment of a stack.
  process.env["PULUMI_HOME"] = pulumiHome(lab);
  return (await import("@pulumi/pulumi/automation/index.js")).LocalWorkspace;
}

/** The CLI's records of this stack, made when there are none. */
async function openStack(lab: Lab, what: "up" | "preview", profile: Profile | undefined): Promise<Stack> {
  writeProject(lab, what, profile);
  const workspace = await automation(lab);
  const stack = await workspace.createOrSelectStack(
    { stackName: lab.stack, workDir: home(lab) },
    { envVars: environment(lab) },
  );
  for (const [key, value] of Object.entries(labSecrets(lab.files))) {
    if (readStackFile(lab).config?.[key] !== undefined) continue;
    pulumi(lab, ["config", "set", key, "--secret", "--stack", lab.stack], value);
  }
  return stack;
}

/** A killed run leaves its lock behind. A lock whose process lives is left for the CLI to name. */
async function dropStaleLock(lab: Lab, stack: Stack): Promise<void> {
  const dir = join(home(lab), "state/.pulumi/locks/organization", lab.project, lab.stack);
  const locks = existsSync(dir) ? readdirSync(dir).filter((file) => file.endsWith(".json")) : [];
  const holders = locks.map((file) => JSON.parse(readFileSync(join(dir, file), "utf8")).pid);
  if (holders.length > 0 && !holders.some((pid) => existsSync(`/proc/${pid}`))) await stack.cancel();
}

/** Runs `pulumi up` or `pulumi preview`, output as it comes. */
export async function deployWithPulumi(
  lab: Lab,
  what: "up" | "preview",
  { json = false, profile }: DeployOptions,
): Promise<Result> {
  const stack = await openStack(lab, what, profile);
  await dropStaleLock(lab, stack);
  const screen = json ? process.stderr : process.stdout;
  const onOutput = (text: string): void => void screen.write(text);
  const events: EngineEvent[] = [];
  const stop = new AbortController();
  // Ctrl-C reaches the CLI through the terminal; a second signal would end it at once.
  process.on("SIGINT", () => undefined);
  process.on("SIGTERM", () => stop.abort());
  const result = await stack[what]({
    onOutput,
    onError: onOutput,
    onEvent: (event) => void events.push(event),
    color: screen.isTTY ? "always" : "never",
    diff: what === "preview",
    signal: stop.signal,
  }).then(
    () => resultOf(what, events, 0),
    // The CLI has printed what went wrong.
    () => resultOf(what, events, 1),
  );
  if (json) process.stdout.write(`${JSON.stringify(result, null, 2)}\n`);
  return result;
}

/** The stack's exports. */
export async function pulumiOutputs(
  lab: Lab,
  { showSecrets }: { readonly showSecrets: boolean },
): Promise<Readonly<Record<string, unknown>>> {
  const workspace = await automation(lab);
  const stack = await workspace.selectStack(
    { stackName: lab.stack, workDir: home(lab) },
    { envVars: environment(lab) },
  );
  const outputs = await stack.outputs();
  return Object.fromEntries(
    Object.entries(outputs).map(([key, { value, secret }]) => [
      key,
      secret && !showSecrets ? "[secret]" : value,
    ]),
  );
}

/** Version of each provider package that the program uses, by the plugin's name. */
function plugins(): readonly (readonly [name: string, version: string])[] {
  const { dependencies } = JSON.parse(readRepositoryFile("package.json")) as {
    dependencies: Record<string, string>;
  };
  return Object.entries(dependencies)
    .filter(([name]) => name.startsWith("@pulumi/") && name !== "@pulumi/pulumi")
    .map(([name, version]) => [name.slice("@pulumi/".length), version]);
}

/** Installs provider plugins that are missing. The lab's own network has no way to where they are. */
export function installPlugins(lab: Lab): void {
  mkdirSync(home(lab), { recursive: true, mode: 0o700 });
  for (const [name, version] of plugins()) {
    const kept = join(pulumiHome(lab), "plugins", `resource-${name}-v${version}`);
    if (onPath(`pulumi-resource-${name}`) || existsSync(kept)) continue;
    process.stderr.write(`Pulumi plugin ${name} ${version}\n`);
    pulumi(lab, ["plugin", "install", "resource", name, version]);
  }
}
