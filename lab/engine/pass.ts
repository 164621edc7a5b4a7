/** One run of the program against a deployment, from the first registration to the last deletion. */
import type { Deployment } from "./deployment.ts";
import { programError } from "./errors.ts";
import type { Severity } from "./events.ts";
import { serveMonitor } from "./monitor.ts";
import { type ProgramOptions, type RunningProgram, startProgram } from "./program.ts";
import type { Workplace } from "./refresh.ts";
import { Halted, type Runner } from "./runner.ts";

/** After an error the program may have more to say; then it is ended. */
const LAST_WORDS_MS = 250;

/** Runs the program once against the deployment. @throws Halted when it did not end well */
export async function runProgram(
  options: ProgramOptions,
  { state, runner, deployment }: Workplace & { readonly deployment: Deployment },
): Promise<void> {
  const log = (severity: Severity, text: string): void => {
    if (severity === "error") runner.fail(programError(text, options.dir));
    else if (deployment.dryRun || !runner.said.has(text)) runner.report({ kind: "message", severity, text });
    if (deployment.dryRun) runner.said.add(text);
  };
  const { project, stack } = options;
  const monitor = await serveMonitor({
    project,
    stack,
    state,
    deployment,
    log,
    fail: (text) => runner.fail(text),
  });
  const program = startProgram(options, {
    address: monitor.address,
    dryRun: deployment.dryRun,
    onLine: (text) => log("info", text),
  });
  void endWhenHalted(program, runner);
  const { ok, how } = await program.ended;
  await runner.idle();
  monitor.close();
  if (runner.stopped) throw new Halted();
  if (!ok) runner.fail(`The program failed with ${how}.`);
  else if (!monitor.finished())
    runner.fail("The program ended before it was finished; does it call process.exit?");
  if (runner.stopped) throw new Halted();
}

async function endWhenHalted(program: RunningProgram, runner: Runner): Promise<void> {
  await runner.halted;
  if (!runner.signal.aborted) await unlessAborted(runner.idle(), runner.signal).catch(() => undefined);
  if (!runner.cancelled) await new Promise((done) => setTimeout(done, LAST_WORDS_MS));
  program.kill();
}

/** Waits for the work, or throws as soon as the signal is aborted. */
export async function unlessAborted(work: Promise<void>, signal: AbortSignal): Promise<void> {
  const aborted = new Promise<never>((_resolve, reject) => {
    signal.addEventListener("abort", () => reject(new Halted()), { once: true });
  });
  await Promise.race([work, aborted]);
}
