/** Programs out of the images' own trees, with network and mounts of their own. Nothing in a tree is written to. */
import { type ChildProcess, spawn, spawnSync } from "node:child_process";
import { chownSync, mkdirSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

/** User and group of the images' programs. */
const USER = 65532;

/** Where the shared folder is, seen from within a tree. */
export const SHARED = "/mnt";

/**
 * Shows the shared folder, devices and processes in each tree, then waits to be killed; everything else goes with it.
 * The processes that run here are in a PID namespace below this one.
 */
const ROOM = `set -eu
folder=$1; shift
ip link set lo up
echo "127.0.0.1 localhost postgres-primary postgres-replica pgbouncer stranger" >"$folder/hosts"
for tree in "$@"; do
  mount --bind "$folder" "$tree${SHARED}"
  mount --rbind /dev "$tree/dev"
  mount -t proc proc "$tree/proc"
  mount --bind "$folder/hosts" "$tree/etc/hosts"
done
echo ready
exec sleep infinity
`;

export interface Trees {
  /** Outside path of the shared folder; {@link SHARED} inside. Its owner is the images' user. */
  readonly folder: string;
  /** Runs a program to its end. @throws Error with what it said on its standard error */
  run(tree: string, command: readonly string[], options?: RunOptions): string;
  start(tree: string, command: readonly string[], env?: RunOptions["env"]): ChildProcess;
  /** Kills whatever still runs, and removes the folder. */
  stop(): Promise<void>;
}

interface RunOptions {
  readonly input?: string;
  readonly env?: Readonly<Record<string, string>>;
}

function makeFolder(): string {
  const folder = mkdtempSync(join(tmpdir(), "gardenos-trees-"));
  chownSync(folder, USER, USER);
  return folder;
}

const firstLine = (child: ChildProcess) =>
  new Promise<void>((resolve, reject) => {
    let said = "";
    child.stderr?.on("data", (data) => {
      said += String(data);
    });
    child.stdout?.once("data", () => resolve());
    child.once("exit", (code) =>
      reject(new Error(`the room for the images' programs ended with ${code}: ${said}`)),
    );
  });

/** Opens the trees. Needs root. @param trees their root directories */
export async function openTrees(trees: readonly string[]): Promise<Trees> {
  const folder = makeFolder();
  // Killed with the test, even when that is killed itself.
  const unshare = ["unshare", "--net", "--mount", "--pid", "--fork", "--kill-child"];
  const room = spawn(
    "setpriv",
    ["--pdeathsig", "KILL", ...unshare, "sh", "-c", ROOM, "sh", folder, ...new Set(trees)],
    {
      stdio: ["ignore", "pipe", "pipe"],
    },
  );
  await firstLine(room);
  const first = readFileSync(`/proc/${room.pid}/task/${room.pid}/children`, "utf8").trim();
  const enter = (tree: string, command: readonly string[]) => [
    ...["-n", "-m", "-p", "-t", first, "chroot", `--userspec=${USER}:${USER}`, tree],
    ...command,
  ];
  const path = "/usr/lib/postgresql/17/bin:/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";
  const environment = (more: RunOptions["env"]) => ({ PATH: path, LC_ALL: "C.UTF-8", ...more });
  return {
    folder,
    run(tree, command, { input = "", env } = {}) {
      const { error, status, stdout, stderr } = spawnSync("nsenter", enter(tree, command), {
        ...{ input, env: environment(env), encoding: "utf8", stdio: "pipe" },
        maxBuffer: 2 ** 26,
      });
      // A program that ends before it has read its input says why on its standard error.
      if (error && (error as NodeJS.ErrnoException).code !== "EPIPE") throw error;
      if (status !== 0) throw new Error(`${command[0]} ended with ${status}: ${stderr}`);
      return stdout;
    },
    // The program ends with nsenter, the only process that its caller can end.
    start: (tree, command, env) =>
      spawn("nsenter", enter(tree, ["setpriv", "--pdeathsig", "TERM", ...command]), {
        env: environment(env),
        stdio: ["ignore", "ignore", "pipe"],
      }),
    async stop() {
      const ended = new Promise((resolve) => room.once("exit", resolve));
      room.kill("SIGKILL");
      await ended;
      rmSync(folder, { recursive: true });
    },
  };
}

/** Makes a folder within the shared one that the images' programs may write to. */
export function ownFolder({ folder }: Trees, name: string): string {
  const path = join(folder, name);
  mkdirSync(path, { mode: 0o700 });
  chownSync(path, USER, USER);
  return path;
}
