/** Does everything still fit when one node is lost? Memory only: CPU is shared, memory is not. */
import type { Settings } from "../config/schema.ts";
import { quantityBytes } from "../lib/quantity.ts";
import { SERVER_MEMORY_GIB } from "./server-types.ts";
import { workloads } from "./workloads.ts";

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
  readonly fits: boolean;
}

/**
 * Counts what is left after the loss of the largest node. Undefined when a server type's memory is not known.
 * With one node there is nothing to lose to, so that node itself is counted.
 */
export function capacity(
  settings: Pick<Settings, "nodes" | "serverType" | "ingress" | "profile">,
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
  const rows = requested(settings, left.length);
  const requestedMib = rows.reduce((sum, row) => sum + row.mib, 0);
  const availableMib = left.reduce((sum, each) => sum + each, 0);
  return { rows, requestedMib, availableMib, fits: requestedMib <= availableMib };
}

function requested(settings: Pick<Settings, "ingress" | "profile">, nodes: number): readonly MemoryRow[] {
  if (settings.profile === "hosts") return [];
  return workloads(settings)
    .filter(({ profile }) => settings.profile === "full" || profile === "kubernetes")
    .map(({ name, pods, memory }) => {
      const count = pods === "per node" ? nodes : pods;
      const mib = quantityBytes(memory) / 2 ** 20;
      return { name, pods: `${count} × ${mib}`, mib: count * mib };
    });
}
