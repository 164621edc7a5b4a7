/** What /proc tells about processes. Every function copes with a process that ends meanwhile. */
import { readdirSync, readFileSync, readlinkSync } from "node:fs";

/** A process id alone may be used again by another process; together with the start time it is unique until reboot. */
export interface ProcessIdentity {
  readonly pid: number;
  /** Clock ticks since boot, field 22 of /proc/PID/stat. */
  readonly startTime: string;
}

/** `undefined`: no such process, or it has ended and waits for its parent. */
export function identify(pid: number): ProcessIdentity | undefined {
  const stat = readProc(`${pid}/stat`);
  // The second field, the program's name, may hold spaces and parentheses.
  const [state, ...fields] = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
  const startTime = fields[18];
  return startTime === undefined || state === "Z" ? undefined : { pid, startTime };
}

/** True while this very process runs. */
export function isAlive(identity: ProcessIdentity): boolean {
  return identify(identity.pid)?.startTime === identity.startTime;
}

/** A process's network name space, for example `net:[4026531833]`. */
export function networkNamespace(pid: number | "self"): string | undefined {
  try {
    return readlinkSync(`/proc/${pid}/ns/net`);
  } catch {
    return undefined;
  }
}

/** Ids of all processes in a network name space, this one left out. */
export function processesIn(namespace: string): readonly number[] {
  return readdirSync("/proc")
    .filter((name) => /^\d+$/.test(name))
    .map(Number)
    .filter((pid) => pid !== process.pid && networkNamespace(pid) === namespace);
}

/** The process that is pid 1 of a container started by `supervisor`; `undefined` while there is none. */
export function containerInit(supervisor: number): number | undefined {
  const children = readProc(`${supervisor}/task/${supervisor}/children`).split(" ").filter(Boolean);
  return children.map(Number).find((pid) => /^NSpid:.*\s1$/m.test(readProc(`${pid}/status`)));
}

/** Changes with each boot of the host. */
export function bootId(): string {
  return readProc("sys/kernel/random/boot_id").trim();
}

/** Sends a signal; a process that is already gone is fine. */
export function send(pid: number, signal: NodeJS.Signals | number): void {
  try {
    process.kill(pid, signal);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "ESRCH") throw error;
  }
}

/** A file of /proc; empty when the process is gone. */
function readProc(path: string): string {
  try {
    return readFileSync(`/proc/${path}`, "utf8");
  } catch {
    return "";
  }
}
