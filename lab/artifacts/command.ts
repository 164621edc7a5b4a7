/** Runs build tools. */
import { spawn } from "node:child_process";
import { createInterface } from "node:readline";
import type { Readable } from "node:stream";

/** One call of a tool. */
export interface Command {
  readonly tool: string;
  readonly args: readonly string[];
  /** @default the process's own */
  readonly cwd?: string;
  /** Added to the process's environment. */
  readonly env?: Readonly<Record<string, string>>;
  /** Written to the tool's standard input. @default nothing */
  readonly input?: string;
  /** Receives every line the tool prints on standard error. */
  readonly log?: ((line: string) => void) | undefined;
  /** Kills the tool and everything it started. */
  readonly signal?: AbortSignal | undefined;
}

/** Lines of a failed tool's output that its error shows. */
const ERROR_LINES = 15;

/**
 * Namespaces of its own for the tool, so that all its descendants and mounts are gone when it is gone, and a
 * death signal, so that it is gone when this process is: a killed `make up` leaves no build behind.
 */
const CONFINE = [
  ...["setpriv", "--pdeathsig", "KILL", "--"],
  ...[
    "unshare",
    "--mount",
    "--propagation",
    "private",
    "--pid",
    "--mount-proc",
    "--fork",
    "--kill-child",
    "--",
  ],
  ...["nice", "-n", "10"],
] as const;

/**
 * Runs a tool at low priority and resolves to its standard output. Needs root.
 * @throws Error with the tool's last lines when it fails, or when `signal` aborts it
 */
export async function run(command: Command): Promise<string> {
  const [program, ...prefix] = CONFINE;
  const child = spawn(program, [...prefix, command.tool, ...command.args], {
    cwd: command.cwd,
    env: { ...process.env, LC_ALL: "C.UTF-8", ...command.env },
    stdio: ["pipe", "pipe", "pipe"],
  });
  const stop = () => child.kill("SIGKILL");
  command.signal?.addEventListener("abort", stop);
  if (command.signal?.aborted) stop();
  // "close" comes when nobody holds the output any more: with the tool, all it started is gone.
  const closed = new Promise<string>((resolve, reject) => {
    child.once("error", reject);
    child.once("close", (code, signal) => resolve(code === null ? `${signal}` : `exit status ${code}`));
  });
  // A tool may end without reading all of its input; its exit status tells what happened.
  child.stdin.on("error", () => undefined);
  child.stdin.end(command.input ?? "");
  const output = [closed, readText(child.stdout), readLines(child.stderr, command.log)] as const;
  const [ended, stdout, stderr] = await Promise.all(output).finally(() => {
    command.signal?.removeEventListener("abort", stop);
  });
  if (command.signal?.aborted) throw new Error(`${command.tool} was stopped`);
  if (ended === "exit status 0") return stdout;
  const tail = [...stdout.split("\n"), ...stderr].filter((line) => line.trim() !== "").slice(-ERROR_LINES);
  throw new Error([`${command.tool} ended with ${ended}`, ...tail.map((line) => `  ${line}`)].join("\n"));
}

async function readLines(stream: Readable, log?: (line: string) => void): Promise<string[]> {
  const lines: string[] = [];
  for await (const line of createInterface({ input: stream })) {
    lines.push(line);
    log?.(line);
  }
  return lines;
}

async function readText(stream: Readable): Promise<string> {
  let text = "";
  stream.setEncoding("utf8");
  for await (const chunk of stream) text += chunk;
  return text;
}
