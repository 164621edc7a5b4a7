/** Runs one program, streams its input, and hands on its lines as they come. */
import { type ChildProcess, spawn } from "node:child_process";
import { createInterface } from "node:readline";
import type { Readable } from "node:stream";

/** How long a cancelled program gets to end by itself. */
const GRACE_MS = 5_000;

export interface Program {
  /** Never a secret: everybody on the machine can read it. */
  readonly argv: readonly string[];
  readonly stdin?: string | undefined;
  readonly cwd?: string | undefined;
  /** Variables on top of the engine's own. */
  readonly env?: Readonly<Record<string, string>> | undefined;
  readonly signal: AbortSignal;
  /** Open files that the program finds as its file descriptors 3, 4 … @default none */
  readonly files?: readonly number[] | undefined;
  onLine?(stream: "stdout" | "stderr", line: string): void;
}

export interface Finished {
  /** Undefined when a signal ended it. */
  readonly exitCode: number | undefined;
  readonly stdout: string;
  readonly stderr: string;
}

/**
 * Starts the program in a process group of its own. It does not outlive the engine, however that ends; when
 * `signal` aborts, it is told to end, then killed, and the signal's reason is thrown.
 */
export async function run(program: Program): Promise<Finished> {
  program.signal.throwIfAborted();
  // The kernel kills it with its parent, so a killed engine leaves nothing running.
  const child = spawn("setpriv", ["--pdeathsig", "KILL", "--", ...program.argv], {
    cwd: program.cwd,
    env: { ...process.env, ...program.env },
    stdio: ["pipe", "pipe", "pipe", ...(program.files ?? [])],
    detached: true,
  });
  const stop = endOnAbort(child, program.signal);
  const [exitCode, stdout, stderr] = await Promise.all([
    exitOf(child),
    collect(child.stdout, (line) => program.onLine?.("stdout", line)),
    collect(child.stderr, (line) => program.onLine?.("stderr", line)),
    feed(child, program.stdin),
  ]).finally(stop);
  program.signal.throwIfAborted();
  return { exitCode, stdout, stderr };
}

function exitOf(child: ChildProcess): Promise<number | undefined> {
  return new Promise((resolve, reject) => {
    child.once("error", (error) => reject(new Error(`can't start a program: ${error.message}`)));
    child.once("exit", (code) => resolve(code ?? undefined));
  });
}

async function collect(stream: Readable | null, onLine: (line: string) => void): Promise<string> {
  if (stream === null) return "";
  const chunks: Buffer[] = [];
  stream.on("data", (chunk: Buffer) => chunks.push(chunk));
  for await (const line of createInterface({ input: stream, crlfDelay: Number.POSITIVE_INFINITY }))
    onLine(line);
  return Buffer.concat(chunks).toString("utf8");
}

/** A program may end without reading all of its input; that is its own business. */
function feed(child: ChildProcess, text: string | undefined): Promise<void> {
  return new Promise((resolve) => {
    child.stdin?.once("error", () => resolve());
    child.stdin?.once("close", () => resolve());
    child.stdin?.end(text ?? "");
  });
}

/** Answers how to stop watching. */
function endOnAbort(child: ChildProcess, signal: AbortSignal): () => void {
  let timer: NodeJS.Timeout | undefined;
  const kill = (name: "SIGTERM" | "SIGKILL"): void => {
    if (child.pid === undefined) return;
    try {
      process.kill(-child.pid, name);
    } catch {
      // The group is gone already.
    }
  };
  const end = (): void => {
    kill("SIGTERM");
    timer = setTimeout(() => kill("SIGKILL"), GRACE_MS);
  };
  signal.addEventListener("abort", end, { once: true });
  return () => {
    signal.removeEventListener("abort", end);
    clearTimeout(timer);
  };
}
