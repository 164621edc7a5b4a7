/** One run of a machine, from power on to its end: a systemd-nspawn process and the container below it. */
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { closeSync, mkdirSync, openSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { plainFolders } from "./disk.ts";
import { containerInit, networkNamespace, send } from "./processes.ts";
import { waitFor } from "./wait.ts";

const BOOT_SCRIPT = join(import.meta.dirname, "boot.sh");
const START_TIMEOUT_MS = 30_000;
/** systemd-nspawn's status for "the machine asked for a reboot", when something else has to start it again. */
const REBOOT_STATUS = 133;
/** SIGRTMIN+4 asks systemd for a power-off, as ACPI's power button does. */
const POWER_BUTTON = 38;
const ERROR_LINES = 15;

export interface SupervisorOptions {
  /** Folder of the machine. */
  readonly dir: string;
  /** File that the console is appended to. */
  readonly consoleLog: string;
  /** The image. */
  readonly rootfsDir: string;
  /** Unique on the host. */
  readonly name: string;
  readonly hostname: string;
  /** The machine's folder in each hierarchy; must exist. */
  readonly cgroups: readonly string[];
}

/** Why a run is over. */
type RunEnd = "off" | "reboot";

export interface Supervisor {
  /** The machine's pid 1, as the host sees it. */
  readonly init: number;
  /** Settles when the machine's processes are gone. */
  readonly end: Promise<RunEnd>;
}

/** systemd-nspawn's command line. */
export function nspawnArgs(options: Pick<SupervisorOptions, "dir" | "name" | "hostname">): readonly string[] {
  return [
    "--quiet",
    "--settings=no",
    `--directory=${join(options.dir, "root")}`,
    `--machine=${options.name}`,
    `--hostname=${options.hostname}`,
    "--boot",
    // The host may have no systemd to register with; the control group is made by the lab.
    "--register=no",
    "--keep-unit",
    "--private-network",
    "--private-users=no",
    "--capability=all",
    // The clock and the modules are the host's. CAP_SYS_BOOT stays: in a pid name space it ends that one only.
    "--drop-capability=CAP_SYS_TIME,CAP_SYS_MODULE",
    // Container runtimes make a session keyring, kubelet reads the kernel's log.
    "--system-call-filter=@keyring",
    "--bind=/dev/kmsg",
    ...plainFolders(options.dir).map(({ source, target }) => `--bind=${escaped(source)}:${target}`),
    "--resolv-conf=off",
    "--timezone=off",
    "--link-journal=no",
    "--console=read-only",
  ];
}

/** In a path for `--bind`, where a colon begins the next part. */
function escaped(path: string): string {
  return path.replace(/[\\:]/g, "\\$&");
}

/**
 * Switches a machine on. Resolves when its pid 1 runs in its own name spaces.
 * @throws Error with the console's last lines when it does not come up
 */
export async function startSupervisor(options: SupervisorOptions): Promise<Supervisor> {
  const { consoleLog } = options;
  for (const { source } of plainFolders(options.dir)) mkdirSync(source, { recursive: true });
  const child = spawnBoot(options);
  const failure = once(child, "error").then(([error]) => error as Error);
  const end = once(child, "exit").then(([status]): RunEnd => (status === REBOOT_STATUS ? "reboot" : "off"));
  const { pid } = child;
  if (pid === undefined) throw await failure;
  const init = await waitFor(() => (hasEnded(child) ? 0 : separateInit(pid)), START_TIMEOUT_MS);
  if (init) return { init, end };
  if (!hasEnded(child)) send(pid, "SIGKILL");
  await end;
  const why = init === 0 ? "it ended at once" : `its pid 1 did not run within ${START_TIMEOUT_MS / 1000} s`;
  const tail = readFileSync(consoleLog, "utf8").trimEnd().split("\n").slice(-ERROR_LINES);
  throw new Error(`wanted to boot, but ${why}. ${consoleLog} ends with:\n${tail.join("\n")}`);
}

/** Asks the machine to shut down cleanly. */
export function pressPowerButton(supervisor: Supervisor): void {
  send(supervisor.init, POWER_BUTTON);
}

function spawnBoot(options: SupervisorOptions): ChildProcess {
  const log = openSync(options.consoleLog, "a", 0o600);
  // Slave, not private: a file system that the host unmounts must not be kept busy from here.
  const unshare = ["--mount", "--propagation", "slave", "--", BOOT_SCRIPT];
  const child = spawn("unshare", [...unshare, ...nspawnArgs(options)], {
    stdio: ["ignore", log, log],
    // Nothing else of our environment: systemd-nspawn reads settings from it.
    env: {
      PATH: process.env["PATH"],
      MACHINE_DIR: options.dir,
      ROOTFS: options.rootfsDir,
      CGROUPS: options.cgroups.join("\n"),
    },
    // A process group of its own, so that Ctrl-C in a terminal is not a power cut.
    detached: true,
  });
  closeSync(log);
  return child;
}

function hasEnded(child: ChildProcess): boolean {
  return child.exitCode !== null || child.signalCode !== null;
}

/** The container's pid 1, once it has left our network name space. */
function separateInit(supervisor: number): number | undefined {
  const init = containerInit(supervisor);
  if (init === undefined) return undefined;
  const namespace = networkNamespace(init);
  return namespace === undefined || namespace === networkNamespace("self") ? undefined : init;
}
