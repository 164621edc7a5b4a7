/** One run per stack: a lock file that names its holder, so that a dead holder's lock can be taken over. */
import { randomUUID } from "node:crypto";
import { linkSync, mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { dirname } from "node:path";
import { EngineError } from "./errors.ts";

/**
 * Takes the lock and answers what releases it.
 * @throws EngineError when a live process holds it.
 */
export function acquireLock(file: string): () => void {
  mkdirSync(dirname(file), { recursive: true, mode: 0o700 });
  const mine = JSON.stringify({ pid: process.pid, started: startTime(process.pid), run: randomUUID() });
  const draft = `${file}.${process.pid}`;
  writeFileSync(draft, mine, { mode: 0o600 });
  try {
    while (!link(draft, file)) {
      const held = read(file);
      const pid = held === undefined ? undefined : liveHolder(held);
      if (pid !== undefined) {
        throw new EngineError(
          `Another run (pid ${pid}) is working on this stack; wait for it, or stop it first.`,
        );
      }
      if (held !== undefined) discard(file, held);
    }
  } finally {
    rmSync(draft, { force: true });
  }
  return () => {
    if (read(file) === mine) rmSync(file, { force: true });
  };
}

/** Linking a finished file is atomic: nobody ever reads half a lock. */
function link(draft: string, file: string): boolean {
  try {
    linkSync(draft, file);
    return true;
  } catch (error) {
    if (isCode(error, "EEXIST")) return false;
    throw error;
  }
}

/** Moved before it is removed, and put back if another run took the lock meanwhile. */
function discard(file: string, stale: string): void {
  const moved = `${file}.${process.pid}.stale`;
  try {
    renameSync(file, moved);
  } catch (error) {
    if (isCode(error, "ENOENT")) return;
    throw error;
  }
  if (read(moved) !== stale) link(moved, file);
  rmSync(moved, { force: true });
}

function liveHolder(content: string): number | undefined {
  const match = /"pid":(\d+),"started":"(\d*)"/.exec(content);
  const pid = Number(match?.[1]);
  return match !== null && isAlive(pid) && startTime(pid) === match[2] ? pid : undefined;
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return isCode(error, "EPERM");
  }
}

/**
 * Clock ticks since boot at which the process began (proc_pid_stat(5), field 22): a reused pid has another one.
 * Empty when it has ended and only waits for its parent.
 */
function startTime(pid: number): string {
  const stat = read(`/proc/${pid}/stat`) ?? "";
  const [state, ...rest] = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
  return state === "Z" ? "" : (rest[18] ?? "");
}

function read(file: string): string | undefined {
  try {
    return readFileSync(file, "utf8");
  } catch {
    return undefined;
  }
}

function isCode(error: unknown, code: string): boolean {
  return error instanceof Error && "code" in error && error.code === code;
}
