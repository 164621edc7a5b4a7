/**
 * Control groups: each machine has one of its own in every hierarchy, below the daemon's. They keep the guests'
 * processes apart, and they are how everything a lab started is found again, even after its daemon was killed.
 */
import { existsSync, mkdirSync, readdirSync, readFileSync, rmdirSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { send } from "./processes.ts";
import { waitFor } from "./wait.ts";

const CGROUP_ROOT = "/sys/fs/cgroup";
/** How long killed processes may take to leave. A process in a disk access can't be killed before it is done. */
const KILL_TIMEOUT_MS = 20_000;

/**
 * A process's folder in each hierarchy, from the texts of /proc/PID/cgroup and /proc/PID/mountinfo.
 * Handles version 1, version 2 and both together.
 */
export function ownCgroups(cgroupText: string, mountinfoText: string): readonly string[] {
  const mounts = mountinfoText.split("\n").flatMap((line) => parseMount(line) ?? []);
  return cgroupText
    .split("\n")
    .filter((line) => line !== "")
    .flatMap((line) => {
      const [, controllers = "", path = "/"] = /^\d+:([^:]*):(.*)$/.exec(line) ?? [];
      const mount = mounts.find((m) =>
        controllers === "" ? m.type === "cgroup2" : hasAll(m.options, controllers),
      );
      if (mount === undefined) return [];
      // A mount can show a part of the hierarchy only, as in a container.
      const below = (path.startsWith(mount.root) ? path.slice(mount.root.length) : path).replace(/\/$/, "");
      return [join(mount.point, below)];
    });
}

/** This process's folders. */
export function currentCgroups(): readonly string[] {
  return ownCgroups(readFileSync("/proc/self/cgroup", "utf8"), readFileSync("/proc/self/mountinfo", "utf8"));
}

/** Makes a folder below each of `parents`, with the lab's folder `cgroupName` between, and answers them. */
export function makeCgroups(parents: readonly string[], cgroupName: string, name: string): readonly string[] {
  return parents.map((parent) => {
    const dir = join(parent, cgroupName, name);
    mkdirSync(dir, { recursive: true });
    inheritCpuset(dirname(dir));
    inheritCpuset(dir);
    return dir;
  });
}

/** Limits what all processes in the folders use together, in whichever hierarchy has the controller. */
export function limitMemory(dirs: readonly string[], gigabytes: number): void {
  const files = dirs.flatMap((dir) => [join(dir, "memory.limit_in_bytes"), join(dir, "memory.max")]);
  for (const file of files.filter(existsSync)) writeFileSync(file, String(Math.floor(gigabytes * 2 ** 30)));
}

/** Moves this process, and with it all it starts from now on. */
export function enterCgroups(dirs: readonly string[]): void {
  for (const dir of dirs) writeFileSync(join(dir, "cgroup.procs"), String(process.pid));
}

/** All folders named `cgroupName` on this host. */
export function findCgroups(cgroupName: string): readonly string[] {
  return subfolders(CGROUP_ROOT).filter((dir) => dir.endsWith(`/${cgroupName}`));
}

/**
 * Kills all processes in the folders and below, and removes the folders. Gone already is fine.
 * @throws Error when a process doesn't die
 */
export async function destroyCgroups(dirs: readonly string[]): Promise<void> {
  const emptied = await waitFor(() => {
    const pids = dirs.flatMap(processesBelow);
    for (const pid of pids) send(pid, "SIGKILL");
    // A folder stays busy for a moment after its last process has gone.
    return pids.length === 0 && dirs.every(removeTree) ? true : undefined;
  }, KILL_TIMEOUT_MS);
  if (emptied) return;
  const pids = dirs.flatMap(processesBelow);
  throw new Error(
    `wanted to remove the control groups ${dirs.join(", ")}, but they are still in use` +
      `${pids.length > 0 ? ` by the processes ${[...new Set(pids)].join(", ")}` : ""}; try again in a minute`,
  );
}

interface CgroupMount {
  /** The part of the hierarchy that is mounted, without a trailing slash. */
  readonly root: string;
  readonly point: string;
  readonly type: string;
  readonly options: readonly string[];
}

function parseMount(line: string): CgroupMount | undefined {
  const [left = "", right = ""] = line.split(" - ");
  const [, , , root = "", point = ""] = left.split(" ");
  const [type = "", , options = ""] = right.split(" ");
  if (type !== "cgroup" && type !== "cgroup2") return undefined;
  return { root: root === "/" ? "" : root, point, type, options: options.split(",") };
}

function hasAll(options: readonly string[], controllers: string): boolean {
  return controllers.split(",").every((controller) => options.includes(controller));
}

/** A new version 1 cpuset is empty, and then no process may enter. */
function inheritCpuset(dir: string): void {
  for (const file of ["cpuset.cpus", "cpuset.mems"]) {
    const path = join(dir, file);
    if (!existsSync(path) || !existsSync(join(dir, "cgroup.clone_children"))) continue;
    if (readFileSync(path, "utf8").trim() !== "") continue;
    writeFileSync(path, readFileSync(join(dirname(dir), file), "utf8"));
    writeFileSync(join(dir, "cgroup.clone_children"), "1");
  }
}

/** A folder and all below it; nothing when it is gone. Parents come before their children. */
function subfolders(dir: string): readonly string[] {
  try {
    const below = readdirSync(dir, { withFileTypes: true }).filter((entry) => entry.isDirectory());
    return [dir, ...below.flatMap((entry) => subfolders(join(dir, entry.name)))];
  } catch {
    return [];
  }
}

function processesBelow(dir: string): readonly number[] {
  return subfolders(dir).flatMap((folder) => {
    try {
      const pids = readFileSync(join(folder, "cgroup.procs"), "utf8").split("\n").map(Number);
      // 0 stands for a process of another pid name space, and would mean our own process group to kill(2).
      return pids.filter((pid) => pid > 0 && pid !== process.pid);
    } catch {
      return [];
    }
  });
}

/** False while something is still in there. */
function removeTree(dir: string): boolean {
  for (const folder of subfolders(dir).toReversed()) {
    try {
      rmdirSync(folder);
    } catch {
      return false;
    }
  }
  return true;
}
