/** Runs the program with the lab's own engine. Inside the lab's network, except for a preview, which needs none. */
import { existsSync } from "node:fs";
import { repositoryPath } from "../lib/repository-file.ts";
import { drivers } from "./drivers/index.ts";
import { createReporter } from "./engine/display.ts";
import { createEngine, type Engine } from "./engine/engine.ts";
import type { Result } from "./engine/events.ts";
import type { Lab } from "./lab.ts";
import { stackConfig } from "./stack-config.ts";

export interface DeployOptions {
  /** The machine-readable result on standard output, progress on standard error. */
  readonly json?: boolean;
  /** Driver calls at the same time. */
  readonly parallel?: number;
}

/** The engine on this lab's stack. */
export function builtinEngine(
  lab: Lab,
  options: DeployOptions = {},
  config: Record<string, string> = {},
): Engine {
  return createEngine({
    project: lab.project,
    stack: lab.stack,
    programDir: repositoryPath("."),
    stateFile: lab.files.stateFile,
    passphrase: lab.files.passphrase,
    drivers,
    config: { ...stackConfig(lab.stack), ...config, "hcloud:token": lab.files.token },
    secretKeys: ["hcloud:token"],
    ...(options.parallel !== undefined && { parallel: options.parallel }),
    reporter: createReporter(options.json ? process.stderr : process.stdout),
  });
}

/** Carries out one run. Ctrl-C lets what runs finish, a second one ends at once. */
export async function deploy(lab: Lab, what: "up" | "preview", options: DeployOptions): Promise<Result> {
  const engine = builtinEngine(lab, options, what === "preview" ? placeholders(lab) : {});
  const cancel = () => engine.cancel();
  process.on("SIGINT", cancel);
  process.on("SIGTERM", cancel);
  const result = await engine[what]();
  if (options.json) process.stdout.write(`${JSON.stringify(result, null, 2)}\n`);
  return result;
}

/** Before the first `up` nothing is built: a preview then shows placeholders for checksums and keys. */
function placeholders(lab: Lab): Record<string, string> {
  const configured = stackConfig(lab.stack);
  if (existsSync(repositoryPath(JSON.parse(configured["gardenos:artifacts"] ?? "{}").manifest))) return {};
  const apt = JSON.parse(configured["gardenos:apt"] ?? "{}");
  return {
    "gardenos:artifacts": JSON.stringify({ manifest: "lab/placeholders/manifest.json" }),
    "gardenos:ssh": JSON.stringify({ authorizedKeys: { lab: "lab/placeholders/administrator.pub" } }),
    "gardenos:apt": JSON.stringify({ ...apt, keyFile: "lab/placeholders/apt-key.asc" }),
  };
}
