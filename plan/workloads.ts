/** What the program runs in the cluster, and the memory it asks for: one table for the objects and the capacity check. */
import type { Settings } from "../config/schema.ts";
import type { Quantity } from "../lib/quantity.ts";

/** One workload of the program. */
export interface Workload {
  readonly name: string;
  /** Layer that brings it, see `gardenos:profile`. */
  readonly profile: "kubernetes" | "full";
  /** Pods in the cluster, or one a node. */
  readonly pods: number | "per node";
  /** Request and limit of one pod. */
  readonly memory: Quantity;
}

/** Those whose objects the program writes itself. */
const OWN = {
  "metrics-server": { name: "metrics-server", profile: "full", pods: 2, memory: "100Mi" },
  "local-path-provisioner": { name: "local-path-provisioner", profile: "full", pods: 1, memory: "64Mi" },
} as const satisfies Record<string, Workload>;

/** Helper pods make and remove volumes: they live for seconds, so no capacity is kept for them. */
export const VOLUME_HELPER_MEMORY: Quantity = "32Mi";

/** Workloads of a stack. CoreDNS is K3s's own; its request is the one in K3s's manifest. */
export function workloads({ ingress }: Pick<Settings, "ingress">): readonly Workload[] {
  const traefik: Workload = { name: "traefik", profile: "full", pods: "per node", memory: ingress.memory };
  return [
    { name: "coredns", profile: "kubernetes", pods: "per node", memory: "70Mi" },
    ...Object.values(OWN),
    ...(ingress.class === "traefik" ? [traefik] : []),
  ];
}

/** A fixed row of the table. */
export const workload = <Name extends keyof typeof OWN>(name: Name): (typeof OWN)[Name] => OWN[name];
