/**
 * Starts and stops a lab's daemon: the one process that holds the lab's network name space, with the emulated
 * Hetzner Cloud, the artifact server and the machines in it. Needs root.
 */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { closeSync, existsSync, mkdirSync, openSync, readFileSync, rmSync } from "node:fs";
import { join } from "node:path";
import type { Readable } from "node:stream";
import { setTimeout as sleep } from "node:timers/promises";
import { z } from "zod";
import { withLock } from "./artifacts/lock.ts";
import type { LabContext } from "./context.ts";
import { endLeftovers } from "./machines/leftovers.ts";
import { bootId, isAlive, send } from "./machines/processes.ts";
import { waitFor } from "./machines/wait.ts";

const DAEMON_PROGRAM = join(import.meta.dirname, "daemon-process.ts");
const START_TIMEOUT_MS = 60_000;
const STOP_TIMEOUT_MS = 30_000;
const ERROR_LINES = 15;

export interface DaemonOptions {
  /** The image of all machines: a directory that nothing else writes to. */
  readonly rootfsDir: string;
  /** Folder served at http://192.0.2.1/. */
  readonly artifactDir: string;
  /** What the emulated API takes for a token. Secret. */
  readonly token: string;
  /** Keys that the stand-in for an AI provider takes, one a line. Secret. */
  readonly aiApiKeysFile: string;
  /** Module that exports `startCloud`. @default lab/cloud/server.ts */
  readonly cloudModule?: string;
  /** Time for recorded machines to be switched on again, too. @default 60000 */
  readonly timeoutMs?: number;
}

const DaemonRecord = z.object({
  pid: z.number(),
  startTime: z.string(),
  /** Of the host: after another boot nothing recorded here exists. */
  bootId: z.string(),
  networkNamespace: z.string(),
  /** The lab's folder in each hierarchy. */
  cgroups: z.array(z.string()),
});

/** What a running daemon says of itself in `.lab/daemon.json`. */
export type DaemonRecord = z.infer<typeof DaemonRecord>;

export type DaemonStatus = { readonly running: true; readonly pid: number } | { readonly running: false };

/** What the daemon answers when it has started or failed to. */
export const Handshake = z.union([z.object({ ready: z.literal(true) }), z.object({ error: z.string() })]);

/**
 * Starts the daemon, or finds it running. Resolves when the API answers and recorded machines are on again.
 * Leftovers of an earlier one are removed first.
 * @throws Error with the end of the daemon's log when it does not start
 */
export async function startDaemon(ctx: LabContext, options: DaemonOptions): Promise<void> {
  mkdirSync(ctx.machinesDir, { recursive: true, mode: 0o700 });
  await alone(ctx, async () => {
    if (daemonStatus(ctx).running) return;
    await cleanLeftovers(ctx);
    await launch(ctx, options);
  });
}

/**
 * Ends the daemon and all that belongs to the lab: every process, name space, mount, bridge and control group.
 * Machines lose their power; disks and records stay in `.lab`. Succeeds when nothing runs.
 */
export async function stopDaemon(ctx: LabContext): Promise<void> {
  if (!existsSync(ctx.dir)) return cleanLeftovers(ctx);
  await alone(ctx, async () => {
    const daemon = liveDaemon(ctx);
    if (daemon) {
      const ended = () => (isAlive(daemon) ? undefined : true);
      send(daemon.pid, "SIGTERM");
      if (!(await waitFor(ended, STOP_TIMEOUT_MS))) send(daemon.pid, "SIGKILL");
      await waitFor(ended, STOP_TIMEOUT_MS);
    }
    await cleanLeftovers(ctx);
  });
}

export function daemonStatus(ctx: LabContext): DaemonStatus {
  const daemon = liveDaemon(ctx);
  return daemon ? { running: true, pid: daemon.pid } : { running: false };
}

/**
 * Removes what a daemon that is gone has left. Touches nothing of other labs.
 * @throws Error while the daemon runs
 */
export async function cleanLeftovers(ctx: LabContext): Promise<void> {
  const daemon = liveDaemon(ctx);
  if (daemon) throw new Error(`the lab is running (pid ${daemon.pid}); stop it first`);
  const record = readRecord(ctx);
  const sameBoot = record?.bootId === bootId();
  await endLeftovers({
    cgroupName: ctx.cgroupName,
    cgroups: record?.cgroups ?? [],
    networkNamespace: sameBoot ? record.networkNamespace : undefined,
  });
  rmSync(ctx.daemonFile, { force: true });
}

/**
 * A command line that runs `argv` inside the lab's network name space.
 * @throws Error while the lab is down
 */
export function inLabNetns(ctx: LabContext, argv: readonly string[]): readonly string[] {
  const daemon = liveDaemon(ctx);
  if (daemon === undefined) throw new Error("the lab is not running; start it with `make up`");
  return ["nsenter", `--net=/proc/${daemon.pid}/ns/net`, "--", ...argv];
}

function liveDaemon(ctx: LabContext): DaemonRecord | undefined {
  const record = readRecord(ctx);
  return record && isAlive(record) && record.bootId === bootId() ? record : undefined;
}

/** A file that is broken tells nothing; leftovers are then found by their names. */
function readRecord(ctx: LabContext): DaemonRecord | undefined {
  if (!existsSync(ctx.daemonFile)) return undefined;
  try {
    return DaemonRecord.parse(JSON.parse(readFileSync(ctx.daemonFile, "utf8")));
  } catch {
    return undefined;
  }
}

/** Two commands of one lab must not start or stop it at the same time. */
function alone(ctx: LabContext, work: () => Promise<void>): Promise<void> {
  return withLock(ctx.daemonLock, () => undefined, work);
}

async function launch(ctx: LabContext, options: DaemonOptions): Promise<void> {
  const { timeoutMs = START_TIMEOUT_MS, ...rest } = options;
  const log = openSync(ctx.daemonLog, "a", 0o600);
  const child = spawn("unshare", ["--net", "--", process.execPath, DAEMON_PROGRAM], {
    stdio: ["pipe", log, log, "pipe"],
    detached: true,
    cwd: ctx.dir,
  });
  closeSync(log);
  const spawnFailed = once(child, "error").then(([error]): string => `unshare: ${(error as Error).message}`);
  child.stdin?.on("error", () => undefined);
  child.stdin?.end(JSON.stringify({ ctx, ...rest }));
  const answer = child.stdio[3] as Readable;
  const timer = new AbortController();
  const late = sleep(timeoutMs, `it was not ready within ${timeoutMs / 1000} s`, { signal: timer.signal });
  const problem = await Promise.race([readHandshake(answer), spawnFailed, late.catch(() => "")]);
  timer.abort();
  answer.destroy();
  child.unref();
  if (problem === undefined) return;
  if (child.pid !== undefined) send(child.pid, "SIGKILL");
  await waitFor(() => child.exitCode ?? child.signalCode ?? undefined, STOP_TIMEOUT_MS);
  await cleanLeftovers(ctx);
  throw new Error(`the lab's daemon did not start: ${problem}\n${lastLines(ctx.daemonLog)}`);
}

/** Resolves to what went wrong; `undefined` when nothing did. */
async function readHandshake(answer: Readable): Promise<string | undefined> {
  let text = "";
  for await (const chunk of answer) {
    text += String(chunk);
    if (!text.endsWith("\n")) continue;
    const handshake = Handshake.parse(JSON.parse(text));
    return "error" in handshake ? handshake.error : undefined;
  }
  return "it ended before it was ready";
}

function lastLines(file: string): string {
  const lines = readFileSync(file, "utf8").trimEnd().split("\n").slice(-ERROR_LINES);
  return `${file} ends with:\n${lines.map((line) => `  ${line}`).join("\n")}`;
}
