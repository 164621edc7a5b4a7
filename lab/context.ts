/** Where a lab keeps its things and what it calls them. Pure: nothing here touches the disk. */
import { createHash } from "node:crypto";
import { join } from "node:path";

/** Everything that tells one lab from another on the same machine. */
export interface LabContext {
  /** Eight hex digits, from the checkout's path: two checkouts never share a lab. */
  readonly id: string;
  /** The lab's folder, `.lab` in the checkout: state, disks and logs. */
  readonly dir: string;
  /** Built artifacts and root file systems, shared by all checkouts of this user. */
  readonly cacheDir: string;
  /** The emulated Hetzner Cloud's records. */
  readonly cloudStateFile: string;
  /** Process id, start time and name spaces of the running daemon. */
  readonly daemonFile: string;
  readonly daemonLog: string;
  /** Held while a daemon is being started or stopped. */
  readonly daemonLock: string;
  /** One folder per server id: disk, console log, record. */
  readonly machinesDir: string;
  /** One folder per load balancer's id: HAProxy's configuration, socket and log. Made anew at each start. */
  readonly balancersDir: string;
  /** Files of the object storage, and its log. */
  readonly storageDir: string;
  /** Name of the lab's folder in each cgroup hierarchy, and the mark on its network name space. */
  readonly cgroupName: string;
}

/**
 * The lab of a checkout.
 * @param checkout real path (symbolic links resolved) of the checkout
 * @param cacheDir absolute path of the shared cache
 */
export function labContext(checkout: string, cacheDir: string): LabContext {
  const id = createHash("sha256").update(checkout).digest("hex").slice(0, 8);
  const dir = join(checkout, ".lab");
  return {
    id,
    dir,
    cacheDir,
    cloudStateFile: join(dir, "cloud.json"),
    daemonFile: join(dir, "daemon.json"),
    daemonLog: join(dir, "daemon.log"),
    daemonLock: join(dir, "daemon.lock"),
    machinesDir: join(dir, "machines"),
    balancersDir: join(dir, "load-balancers"),
    storageDir: join(dir, "object-storage"),
    cgroupName: `gardenos-lab-${id}`,
  };
}

/** Folder of one machine. */
export function machineDir(ctx: LabContext, id: number): string {
  return join(ctx.machinesDir, String(id));
}

/** Name of one machine for systemd-nspawn: unique on the host. */
export function machineName(ctx: LabContext, id: number): string {
  return `${ctx.cgroupName}-${id}`;
}

/** What a machine has printed on its console, from its first boot on. */
export function consoleLog(ctx: LabContext, id: number): string {
  return join(machineDir(ctx, id), "console.log");
}
