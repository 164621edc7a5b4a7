/** The engine's face: what the lab's command line calls. */
import { dirname, join, resolve } from "node:path";
import { Deployment } from "./deployment.ts";
import type { Driver } from "./driver.ts";
import { messageOf } from "./errors.ts";
import { type Change, countChanges, type Drift, type Phase, type Reporter, type Result } from "./events.ts";
import { acquireLock } from "./lock.ts";
import { runProgram, unlessAborted } from "./pass.ts";
import type { ProgramOptions } from "./program.ts";
import { Redactor } from "./redact.ts";
import { readAll, settlePending, type Workplace } from "./refresh.ts";
import { protectionError, removeAll } from "./removal.ts";
import { Halted, Runner } from "./runner.ts";
import { openState, type ResourceRecord } from "./state.ts";
import { isHidden, nameOf } from "./urn.ts";

const DEFAULT_PARALLEL = 16;

export interface EngineOptions {
  readonly project: string;
  readonly stack: string;
  /** Folder of the program. */
  readonly programDir: string;
  /** Entry file in `programDir`. @default index.ts */
  readonly entry?: string;
  /** The lock file `<stack>.lock` lies beside it. */
  readonly stateFile: string;
  /** Opens the secrets in the state file. */
  readonly passphrase: string;
  /** By package name: `hcloud`, `tls` … */
  readonly drivers: Readonly<Record<string, Driver>>;
  /** Full keys: `gardenos:stack`, `hcloud:token`. @default none */
  readonly config?: Readonly<Record<string, string>>;
  /** The keys of `config` whose values are secret. @default none */
  readonly secretKeys?: readonly string[];
  /** Environment of the program, on top of the engine's own. @default none */
  readonly env?: Readonly<Record<string, string>>;
  /** Driver calls at the same time. @default 16 */
  readonly parallel?: number;
  /** @default nothing is reported */
  readonly reporter?: Reporter;
}

/** One stack. One run at a time; every method reports problems in its result and never throws. */
export interface Engine {
  /** Compares the program with the last state. Calls no driver's create, read, update or delete; saves nothing. */
  preview(): Promise<Result>;
  /** Refreshes, previews and then carries out what the preview has shown. */
  up(): Promise<Result>;
  /** Brings the records up to what is really there. */
  refresh(): Promise<Result>;
  /** Deletes everything in the state. */
  destroy(): Promise<Result>;
  /** The first time: starts nothing new and ends when what runs has finished. The second time: ends at once. */
  cancel(): void;
}

/** What a run has found and done. */
interface Findings {
  readonly changes?: readonly Change[];
  readonly drift?: readonly Drift[];
}

export function createEngine(options: EngineOptions): Engine {
  let current: Runner | undefined;
  const run = async (
    phase: Phase,
    body: (place: Workplace, found: (findings: Findings) => void) => Promise<void>,
  ) => {
    const begun = performance.now();
    const runner = new Runner({
      drivers: options.drivers,
      parallel: options.parallel ?? DEFAULT_PARALLEL,
      redactor: redactorFor(options),
      reporter: options.reporter ?? (() => undefined),
    });
    current = runner;
    let findings: Findings = {};
    await guarded(runner, async () => {
      const release = phase === "preview" ? () => undefined : acquireLock(lockFile(options));
      try {
        const state = openState({ ...options, file: options.stateFile });
        for (const record of [...state.resources.values(), ...state.condemned, ...state.pending.values()]) {
          runner.redactor.learnSecrets([record.inputs, record.outputs]);
        }
        const work = body({ state, runner }, (more) => {
          findings = { ...findings, ...more };
        });
        await unlessAborted(work, runner.signal);
      } finally {
        release();
      }
    });
    const result = runner.clean(
      resultOf(phase, findings, { runner, seconds: (performance.now() - begun) / 1000 }),
    );
    runner.report({ kind: "summary", result });
    return result;
  };

  return {
    preview: () => run("preview", (place, found) => previewPass(options, place, found)),
    up: () =>
      run("update", async (place, found) => {
        await refreshState(place, found);
        await previewPass(options, place, () => undefined);
        place.runner.report({ kind: "phase", phase: "update" });
        const deployment = new Deployment({ ...place, source: sourceOf(options), dryRun: false });
        found({ changes: deployment.changes });
        await runProgram(programOf(options), { ...place, deployment });
      }),
    refresh: () => run("refresh", refreshState),
    destroy: () => run("destroy", destroyAll),
    cancel: () => current?.cancel(),
  };
}

async function refreshState(place: Workplace, found: (findings: Findings) => void): Promise<void> {
  place.runner.report({ kind: "phase", phase: "refresh" });
  await settlePending(place);
  const drift = await readAll(place);
  found({ drift });
  place.runner.report({ kind: "drift", drift });
}

/** @throws Halted when the program failed or the plan must not be carried out */
async function previewPass(
  options: EngineOptions,
  { state, runner }: Workplace,
  found: (findings: Findings) => void,
): Promise<void> {
  runner.report({ kind: "phase", phase: "preview" });
  const scratch = state.scratch();
  const deployment = new Deployment({ state: scratch, runner, source: sourceOf(options), dryRun: true });
  await runProgram(programOf(options), { state: scratch, runner, deployment });
  const changes = visible(deployment.changes);
  found({ changes });
  runner.report({ kind: "plan", changes });
  for (const refusal of deployment.refusals) runner.fail(refusal);
  if (runner.stopped) throw new Halted();
}

async function destroyAll(place: Workplace, found: (findings: Findings) => void): Promise<void> {
  const { state, runner } = place;
  runner.report({ kind: "phase", phase: "destroy" });
  await settlePending(place);
  const victims = [...state.resources.values(), ...state.condemned];
  const changes = visible(victims.map(deletionOf));
  runner.report({ kind: "plan", changes });
  for (const record of victims.filter((each) => each.protect && !each.delete)) {
    runner.fail(protectionError(record, "deleted"));
  }
  if (runner.stopped) throw new Halted();
  try {
    await removeAll(victims, { state, runner, dryRun: false });
  } finally {
    found({ changes: changes.filter(({ urn }) => !state.resources.has(urn)) });
  }
}

function deletionOf({ urn, type }: ResourceRecord): Change {
  return { operation: "delete", urn, type, name: nameOf(urn), properties: [] };
}

/** Turns whatever is thrown into an error of the run. */
async function guarded(runner: Runner, body: () => Promise<void>): Promise<void> {
  try {
    await body();
  } catch (error) {
    if (!(error instanceof Halted)) runner.fail(messageOf(error));
  }
}

function resultOf(
  phase: Phase,
  { changes = [], drift = [] }: Findings,
  { runner, seconds }: { readonly runner: Runner; readonly seconds: number },
): Result {
  const shown = visible(changes);
  const failed = runner.errors.length > 0 ? 1 : 0;
  const errors = [...new Set(runner.errors)];
  const exitCode = runner.cancelled ? 130 : failed;
  return { exitCode, phase, changes: shown, counts: countChanges(shown), drift, errors, seconds };
}

function visible(changes: readonly Change[]): readonly Change[] {
  return changes.filter(({ urn }) => !isHidden(urn));
}

function sourceOf({ project, stack, config = {}, secretKeys = [] }: EngineOptions) {
  return { project, stack, config, secretKeys };
}

function programOf(options: EngineOptions): ProgramOptions {
  const { programDir, entry = "index.ts", env = {}, parallel = DEFAULT_PARALLEL } = options;
  return { ...sourceOf(options), dir: resolve(programDir), entry, env, parallel };
}

function lockFile({ stateFile, stack }: EngineOptions): string {
  return join(dirname(stateFile), `${stack}.lock`);
}

function redactorFor({ passphrase, config = {}, secretKeys = [] }: EngineOptions): Redactor {
  const redactor = new Redactor();
  redactor.learn([passphrase, ...secretKeys.map((key) => config[key])]);
  return redactor;
}
