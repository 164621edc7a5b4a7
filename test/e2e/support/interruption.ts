/** `make up` as a person runs it, killed in the middle; and what a killed run must not leave. */
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { readdirSync, readFileSync, readlinkSync } from "node:fs";
import { createInterface } from "node:readline";
import { setTimeout as sleep } from "node:timers/promises";
import { type LabContext, labContext } from "../../../lab/context.ts";
import { daemonStatus } from "../../../lab/daemon.ts";
import { networkNamespace } from "../../../lab/machines/processes.ts";
import { type Checkout, finished, type Outcome } from "./checkout.ts";

/** Where this copy's lab keeps its things. */
export const contextOf = (lab: Checkout): LabContext => labContext(lab.dir, "unused");

function startMake(lab: Checkout, target: string): ChildProcess {
  return spawn("make", [target], { cwd: lab.dir, stdio: ["ignore", "pipe", "pipe"], detached: true });
}

export const make = (lab: Checkout, target: string): Promise<Outcome> => finished(startMake(lab, target));

export interface Moment {
  /** Counts from the first line of output that holds this text. @default from the start */
  readonly after?: string;
  readonly delayMs: number;
  /** Who gets SIGKILL: make alone, or its whole process group. */
  readonly victim: "make" | "group";
}

/**
 * Runs `make up` and kills it at the given moment.
 * @throws Error when it ends by itself before
 */
export async function killUp(lab: Checkout, { after, delayMs, victim }: Moment): Promise<void> {
  const child = startMake(lab, "up");
  const lines: string[] = [];
  const seen = new Promise<void>((resolve) => {
    for (const stream of [child.stdout, child.stderr]) {
      if (!stream) continue;
      createInterface({ input: stream }).on("line", (line) => {
        lines.push(line);
        if (after !== undefined && line.includes(after)) resolve();
      });
    }
    if (after === undefined) resolve();
  });
  const ended = once(child, "exit").then(() => "ended" as const);
  if ((await Promise.race([seen.then(() => sleep(delayMs)), ended])) === "ended")
    throw new Error(`make up ended before it could be killed:\n${lines.join("\n")}`);
  if (child.pid !== undefined) process.kill(victim === "group" ? -child.pid : child.pid, "SIGKILL");
  await ended;
}

/** Process id and network name space of the lab's daemon. */
export function daemonOf(lab: Checkout): { readonly pid: number; readonly namespace: string } | undefined {
  const status = daemonStatus(contextOf(lab));
  if (!status.running) return undefined;
  return { pid: status.pid, namespace: networkNamespace(status.pid) ?? "" };
}

/** Processes of this copy that are neither its daemon nor in a machine: what works for a run of `up`. */
export function workers(lab: Checkout): readonly string[] {
  const { cgroupName } = contextOf(lab);
  const namespace = daemonOf(lab)?.namespace;
  return readdirSync("/proc")
    .filter((name) => /^\d+$/.test(name) && Number(name) !== process.pid)
    .filter((pid) => {
      const isInside = namespace !== undefined && networkNamespace(Number(pid)) === namespace;
      return (isInside || cwdOf(pid).startsWith(lab.dir)) && !read(pid, "cgroup").includes(cgroupName);
    })
    .map((pid) => `${pid} ${read(pid, "cmdline").replaceAll("\0", " ").slice(0, 200)}`);
}

function cwdOf(pid: string): string {
  try {
    return readlinkSync(`/proc/${pid}/cwd`);
  } catch {
    return "";
  }
}

function read(pid: string, file: string): string {
  try {
    return readFileSync(`/proc/${pid}/${file}`, "utf8");
  } catch {
    return "";
  }
}
