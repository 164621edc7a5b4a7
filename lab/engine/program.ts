/** Runs the unmodified Pulumi program in a child process, the way the real language host does. */
import { spawn } from "node:child_process";
import { existsSync } from "node:fs";
import { createRequire } from "node:module";
import { join } from "node:path";
import { createInterface } from "node:readline";
import type { Readable } from "node:stream";

const SETPRIV = "/usr/bin/setpriv";

export interface ProgramOptions {
  /** Folder of the program, absolute; its working directory. */
  readonly dir: string;
  /** Entry file, relative to `dir`. */
  readonly entry: string;
  readonly project: string;
  readonly stack: string;
  readonly config: Readonly<Record<string, string>>;
  readonly secretKeys: readonly string[];
  /** Set on top of the engine's own environment. */
  readonly env: Readonly<Record<string, string>>;
  readonly parallel: number;
}

/** A program that runs. */
export interface RunningProgram {
  /** What the process ended with; a description such as `exit code 1` or `signal SIGKILL`. */
  readonly ended: Promise<{ readonly ok: boolean; readonly how: string }>;
  /** Ends the process and its children at once. */
  kill(): void;
}

/** Starts the program. It never outlives the engine, and it does not see the terminal's Ctrl-C. */
export function startProgram(
  options: ProgramOptions,
  { address, dryRun, onLine }: { address: string; dryRun: boolean; onLine: (line: string) => void },
): RunningProgram {
  const [command = "", ...args] = [
    ...guard(),
    ...[process.execPath, ...NODE_OPTIONS],
    ...programArguments(options, { address, dryRun }),
  ];
  const child = spawn(command, args, {
    cwd: options.dir,
    detached: true,
    stdio: ["ignore", "pipe", "pipe"],
    env: {
      ...process.env,
      ...options.env,
      PULUMI_CONFIG: JSON.stringify(options.config),
      PULUMI_CONFIG_SECRET_KEYS: JSON.stringify(options.secretKeys),
    },
  });
  const read = [child.stdout, child.stderr].map((stream) => readLines(stream, onLine));
  const ended = new Promise<{ ok: boolean; how: string }>((resolve) => {
    child.once("error", (error) => resolve({ ok: false, how: error.message }));
    child.once("exit", async (code, signal) => {
      await Promise.all(read);
      resolve({ ok: code === 0, how: signal === null ? `exit code ${code}` : `signal ${signal}` });
    });
  });
  return {
    ended,
    kill: () => {
      if (child.pid !== undefined && child.exitCode === null && child.signalCode === null)
        process.kill(-child.pid, "SIGKILL");
    },
  };
}

/**
 * The SDK takes a stack trace at each of its promises, tens of thousands, and maps it to sources: a fifth of the program's time with the
 * usual ten frames. Nobody sees them: errors.ts shows the message alone.
 */
const NODE_OPTIONS = ["--stack-trace-limit=1"];

/** On Linux the kernel ends the program when the engine dies, however it dies. */
function guard(): readonly string[] {
  return existsSync(SETPRIV) ? [SETPRIV, "--pdeathsig", "KILL"] : [];
}

function programArguments(
  { dir, entry, project, stack, parallel }: ProgramOptions,
  { address, dryRun }: { readonly address: string; readonly dryRun: boolean },
): readonly string[] {
  const launcher = createRequire(join(dir, "package.json")).resolve("@pulumi/pulumi/cmd/run/index.js");
  const places = ["--monitor", address, "--engine", address, "--root-directory", dir, "--pwd", dir];
  const names = ["--project", project, "--stack", stack, "--organization", "organization"];
  // With 1 the SDK would wait for each resource before the next one; the engine does the bounding.
  const mode = ["--parallel", String(Math.max(2, parallel)), ...(dryRun ? ["--dry-run"] : [])];
  return [launcher, ...places, ...names, ...mode, entry];
}

async function readLines(stream: Readable, onLine: (line: string) => void): Promise<void> {
  for await (const line of createInterface({ input: stream })) onLine(line);
}
