/** Finds and ends what an earlier daemon of a lab has left, whether it was stopped, killed or lost its files. */
import { bearsMark } from "../network/network.ts";
import { destroyCgroups, findCgroups } from "./cgroups.ts";
import { processesIn, send } from "./processes.ts";
import { waitFor } from "./wait.ts";

const KILL_TIMEOUT_MS = 10_000;

export interface Leftovers {
  /** The lab's cgroup folder name, which is also the mark on its network name space. */
  readonly cgroupName: string;
  /** Control groups that the daemon has recorded; others of this name are looked for. */
  readonly cgroups: readonly string[];
  /** The recorded network name space. @default none recorded, or from before the host's last boot */
  readonly networkNamespace?: string | undefined;
}

/**
 * Ends all processes of the lab and removes its control groups. Mounts, bridges and name spaces go with the last
 * process that holds them. Succeeds when there is nothing.
 */
export async function endLeftovers(leftovers: Leftovers): Promise<void> {
  const { cgroupName, networkNamespace } = leftovers;
  if (networkNamespace !== undefined) await emptyNamespace(networkNamespace, cgroupName);
  await destroyCgroups([...new Set([...leftovers.cgroups, ...findCgroups(cgroupName)])]);
}

/** The kernel may have given the name space's number to another one since: only one that bears the mark is ours. */
async function emptyNamespace(namespace: string, mark: string): Promise<void> {
  const [first] = processesIn(namespace);
  if (first === undefined || !(await bearsMark(first, mark))) return;
  const emptied = await waitFor(() => {
    const pids = processesIn(namespace);
    for (const pid of pids) send(pid, "SIGKILL");
    return pids.length === 0 ? true : undefined;
  }, KILL_TIMEOUT_MS);
  if (emptied) return;
  const pids = processesIn(namespace).join(", ");
  throw new Error(
    `wanted to end the processes ${pids} of an earlier lab, but they don't die; try again in a minute`,
  );
}
