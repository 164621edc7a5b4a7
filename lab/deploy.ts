/** Runs the program with the lab's own engine. Inside the lab's network, except for a preview, which needs none. */
import type { Profile } from "../config/schema.ts";
import { repositoryPath } from "../lib/repository-file.ts";
import { drivers } from "./drivers/index.ts";
import { createReporter } from "./engine/display.ts";
import { createEngine, type Engine } from "./engine/engine.ts";
import type { EngineEvent, Reporter, Result } from "./engine/events.ts";
import type { Lab } from "./lab.ts";
import { labSecrets } from "./secrets.ts";
import { placeholders, stackConfig } from "./stack-config.ts";
import { listen } from "./steps.ts";

export interface DeployOptions {
  /** The machine-readable result on standard output, progress on standard error. */
  readonly json?: boolean;
  /** How far to build. @default - as configured */
  readonly profile?: Profile;
  /** Driver calls at the same time. */
  readonly parallel?: number;
}

/** The engine on this lab's stack. @param listener hears what the screen shows */
function builtinEngine(
  lab: Lab,
  options: DeployOptions,
  overrides: Readonly<Record<string, unknown>>,
  listener: Reporter,
): Engine {
  const secrets = labSecrets(lab.files);
  const screen = createReporter(options.json ? process.stderr : process.stdout);
  return createEngine({
    project: lab.project,
    stack: lab.stack,
    programDir: repositoryPath("."),
    stateFile: lab.files.stateFile,
    passphrase: lab.files.passphrase,
    drivers,
    config: stackConfig(lab.stack, {
      ...overrides,
      ...(options.profile && { "gardenos:profile": options.profile }),
      ...secrets,
    }),
    secretKeys: Object.keys(secrets),
    ...(options.parallel !== undefined && { parallel: options.parallel }),
    reporter: (event: EngineEvent) => {
      listener(event);
      screen(event);
    },
  });
}

/** Carries out one run. Ctrl-C lets what runs finish, a second one ends at once. */
export async function deploy(lab: Lab, what: "up" | "preview", options: DeployOptions): Promise<Result> {
  const { reporter, timeline } = listen();
  const engine = builtinEngine(lab, options, what === "preview" ? placeholders(lab.stack) : {}, reporter);
  const cancel = () => engine.cancel();
  process.on("SIGINT", cancel);
  process.on("SIGTERM", cancel);
  const result = await engine[what]();
  if (options.json) process.stdout.write(`${JSON.stringify({ ...result, timeline }, null, 2)}\n`);
  return result;
}
