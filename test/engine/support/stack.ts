/** A stack in a temporary folder that runs a test program for real, in a child process. */
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createReporter } from "../../../lab/engine/display.ts";
import type { Driver } from "../../../lab/engine/driver.ts";
import { createEngine, type Engine } from "../../../lab/engine/engine.ts";
import type { EngineEvent } from "../../../lab/engine/events.ts";
import { readOutputs } from "../../../lab/engine/outputs.ts";
import { Cloud } from "./cloud.ts";
import { type Item, PROJECT, STACK } from "./world.ts";

/** A secret that must never be seen. */
export const CANARY = "hunter2-Canary";

const PASSPHRASE = "the right passphrase";

export interface StackOptions {
  readonly program?: string;
  readonly config?: Readonly<Record<string, string>>;
  readonly drivers?: Readonly<Record<string, Driver>>;
  readonly passphrase?: string;
}

export class Stack {
  readonly cloud = new Cloud();
  readonly dir = mkdtempSync(join(tmpdir(), "engine-test-"));
  readonly stateFile = join(this.dir, "lab.json");
  readonly events: EngineEvent[] = [];
  /** What a person would have seen so far, without a terminal. */
  screen = "";

  engine(items: readonly Item[], options: StackOptions = {}): Engine {
    const show = createReporter({
      write: (text) => {
        this.screen += text;
      },
    });
    return createEngine({
      project: PROJECT,
      stack: STACK,
      programDir: join(import.meta.dirname, ".."),
      entry: `programs/${options.program ?? "world"}.ts`,
      stateFile: this.stateFile,
      passphrase: options.passphrase ?? PASSPHRASE,
      drivers: options.drivers ?? { test: this.cloud.driver },
      config: {
        "demo:world": JSON.stringify(items),
        "demo:password": CANARY,
        "test:region": "r1",
        ...options.config,
      },
      secretKeys: ["demo:password"],
      // Compiled code of the SDK, shared by all runs: saves half of a run's time.
      env: { NODE_COMPILE_CACHE: join(import.meta.dirname, "../../../node_modules/.cache/engine-tests") },
      parallel: 4,
      reporter: (event) => {
        this.events.push(event);
        show(event);
      },
    });
  }

  outputs(shown: { readonly showSecrets?: boolean } = {}): Readonly<Record<string, unknown>> {
    return readOutputs(
      { project: PROJECT, stack: STACK, file: this.stateFile, passphrase: PASSPHRASE },
      shown,
    );
  }

  get stateText(): string {
    return readFileSync(this.stateFile, "utf8");
  }

  remove(): void {
    rmSync(this.dir, { recursive: true });
  }
}
