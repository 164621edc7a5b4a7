/** What the program runs in the cluster, and the memory it asks for: one table for the objects and the capacity check. */
import type { Settings } from "../config/schema.ts";
import type { Quantity } from "../lib/quantity.ts";
import { CERT_MANAGER } from "./certificates.ts";
import { poolerReplicas } from "./pooler.ts";
import { instanceCount } from "./postgres.ts";
import { mostPods } from "./services.ts";
import { factsOf, servicesOf, supabasePods } from "./supabase.ts";

/** One workload of the program. */
export interface Workload {
  readonly name: string;
  /** Layer that brings it, see `gardenos:profile`. */
  readonly profile: "kubernetes" | "full";
  /** Pods in the cluster, or one a node. */
  readonly pods: number | "per node";
  /** Each pod belongs to a node and is lost with it, so no room is kept for it elsewhere. */
  readonly pinned?: boolean;
  /** Request and limit of one pod. */
  readonly memory: Quantity;
}

/** Those whose objects the program writes itself. */
const OWN = {
  "metrics-server": { name: "metrics-server", profile: "full", pods: 2, memory: "100Mi" },
  "local-path-provisioner": { name: "local-path-provisioner", profile: "full", pods: 1, memory: "64Mi" },
  "postgres-lb": { name: "postgres-lb", profile: "full", pods: "per node", memory: "64Mi" },
} as const satisfies Record<string, Workload>;

const CERT_MANAGER_PARTS = ["controller", "webhook", "cainjector"].map((part): Workload => {
  const { replicas: pods, memory } = CERT_MANAGER;
  return { name: `cert-manager ${part}`, profile: "full", pods, memory };
});

/** Helper pods make and remove volumes: they live for seconds, so no capacity is kept for them. */
export const VOLUME_HELPER_MEMORY: Quantity = "32Mi";

export type WorkloadSettings = Pick<
  Settings,
  "ingress" | "nodes" | "postgres" | "pgbouncer" | "services" | "supabase" | "tls"
>;

/** Workloads of a stack. CoreDNS is K3s's own; its request is the one in K3s's manifest. */
export function workloads(settings: WorkloadSettings): readonly Workload[] {
  const { ingress, postgres, pgbouncer, services, supabase, tls } = settings;
  const traefik: Workload = { name: "traefik", profile: "full", pods: "per node", memory: ingress.memory };
  return [
    { name: "coredns", profile: "kubernetes", pods: "per node", memory: "70Mi" },
    ...Object.values(OWN),
    {
      name: "postgres",
      profile: "full",
      pods: instanceCount(settings),
      pinned: true,
      memory: postgres.memory,
    },
    {
      name: "pgbouncer",
      profile: "full",
      pods: poolerReplicas(settings),
      // A node has one at most, so with one on each there is no other node for that of a lost one.
      pinned: poolerReplicas(settings) === Object.keys(settings.nodes).length,
      memory: pgbouncer.memory,
    },
    ...(ingress.class === "traefik" ? [traefik] : []),
    ...(tls.mode === "acme" ? CERT_MANAGER_PARTS : []),
    ...servicesOf(supabase).map((name): Workload => {
      const pods = supabasePods(name, supabase);
      return { name: `supabase ${name}`, profile: "full", pods, memory: factsOf(name).memory };
    }),
    ...Object.entries(services).map(
      ([name, service]): Workload => ({
        name,
        profile: "full",
        pods: mostPods(service),
        memory: service.memory,
      }),
    ),
  ];
}

/** A fixed row of the table. */
export const workload = <Name extends keyof typeof OWN>(name: Name): (typeof OWN)[Name] => OWN[name];
