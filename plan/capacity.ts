/** Does everything still fit when one node is lost? Memory only: CPU is shared, memory is not. */
import type { Settings } from "../config/schema.ts";
import { quantityBytes } from "../lib/quantity.ts";
import { SERVER_MEMORY_GIB } from "./server-types.ts";
import { type WorkloadSettings, workloads } from "./workloads.ts";

/**
 * Kept from pods on every node, in MiB: the system with HAProxy and SSH, and K3s with etcd. The kubelet is told the
 * same (`system-reserved`, `kube-reserved`), so that the scheduler counts as this table does.
 */
export const RESERVED_MIB = { system: 512, kube: 1536 } as const;

/** The kubelet's hard eviction threshold, in MiB: memory below it is nobody's. */
export const EVICTION_MIB = 100;

/** One line of the memory table, in MiB. */
interface MemoryRow {
  readonly name: string;
  /** `3 × 128` */
  readonly pods: string;
  readonly mib: number;
}

export interface Capacity {
  readonly rows: readonly MemoryRow[];
  readonly requestedMib: number;
  /** What pods may ask for when the node with the most memory is lost. */
  readonly availableMib: number;
  /** All of them together. */
  readonly fits: boolean;
  /** What a pod may ask for at most: room on several nodes is not room for one pod. */
  readonly largestNodeMib: number;
  /** Pods that no node is large enough for, by row. */
  readonly tooLarge: readonly { readonly name: string; readonly mib: number }[];
}

/**
 * Counts what is left after the loss of the largest node. Undefined when a server type's memory is not known.
 * With one node there is nothing to lose to, so that node itself is counted.
 */
export function capacity(
  settings: WorkloadSettings & Pick<Settings, "serverType" | "profile">,
): Capacity | undefined {
  const memory = Object.values(settings.nodes).map(
    (node) => SERVER_MEMORY_GIB[node.serverType ?? settings.serverType],
  );
  const known = memory.filter((each) => each !== undefined);
  if (known.length < memory.length) return undefined;
  const allocatable = known
    .map((gib) => Math.max(0, gib * 1024 - RESERVED_MIB.system - RESERVED_MIB.kube - EVICTION_MIB))
    .sort((a, b) => a - b);
  const left = allocatable.length > 1 ? allocatable.slice(0, -1) : allocatable;
  const asked = requested(settings, left.length);
  const rows = asked.map(({ name, count, each }) => ({
    ...{ name, pods: `${count} × ${each}`, mib: count * each },
  }));
  const requestedMib = rows.reduce((sum, row) => sum + row.mib, 0);
  const availableMib = left.reduce((sum, each) => sum + each, 0);
  const largestNodeMib = Math.max(...left);
  const tooLarge = asked
    .filter(({ count, each }) => count > 0 && each > largestNodeMib)
    .map(({ name, each: mib }) => ({ name, mib }));
  return {
    ...{ rows, requestedMib, availableMib, fits: requestedMib <= availableMib },
    ...{ largestNodeMib, tooLarge },
  };
}

/** The table as text, a line for each workload: what is asked for, and what there is without the largest node. */
export function renderCapacity({ rows, requestedMib, availableMib }: Capacity): string {
  const lines = [...rows, { name: "together", pods: "", mib: requestedMib }];
  const width = (of: (row: MemoryRow) => string) => Math.max(...lines.map((row) => of(row).length));
  const [names, pods] = [width(({ name }) => name), width((row) => row.pods)];
  const line = (row: MemoryRow) =>
    `  ${row.name.padEnd(names)}  ${row.pods.padStart(pods)}  ${String(row.mib).padStart(6)} MiB`;
  const heading = `Memory that pods ask for when one node is lost, and ${availableMib} MiB that are left then:`;
  return [heading, ...lines.map(line)].join("\n");
}

/** Pods of each row, and the MiB that one of them asks for. */
function requested(
  settings: WorkloadSettings & Pick<Settings, "profile">,
  nodes: number,
): readonly { readonly name: string; readonly count: number; readonly each: number }[] {
  if (settings.profile === "hosts") return [];
  return workloads(settings)
    .filter(({ profile }) => settings.profile === "full" || profile === "kubernetes")
    .map(({ name, pods, pinned, memory }) => {
      const wanted = pods === "per node" ? nodes : pods;
      const count = pinned ? Math.min(wanted, nodes) : wanted;
      return { name, count, each: quantityBytes(memory) / 2 ** 20 };
    });
}
