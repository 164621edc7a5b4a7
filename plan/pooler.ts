/** The pooler's place between its clients and Postgres, and what it takes of Postgres's connections. */
import type { Settings } from "../config/schema.ts";
import { POSTGRES, USUAL_INSTANCES } from "./postgres.ts";

/** Names and ports, the same in every stack. */
export const POOLER = {
  namespace: POSTGRES.namespace,
  name: POSTGRES.pooler,
  port: POSTGRES.ports.pooler,
  /** Services that lead to the primary and to the replicas, both on 5432; their pods and ports. */
  primary: POSTGRES.primary,
  replica: POSTGRES.replica,
  balancer: { name: POSTGRES.balancer, ports: [POSTGRES.ports.postgres, POSTGRES.ports.replica] },
} as const;

/** Connections of a pod for looking verifiers up, beside those of its pools. */
export const LOOKUP_CONNECTIONS = 2;

/** Kept free of pools: superusers, Patroni, statistics, migrations, and what a rollout has twice for a moment. */
const KEPT_FREE = 40;

/** How many pods there are: one a node where nobody says, and no more than Postgres has members then. */
export const poolerReplicas = ({ pgbouncer, nodes }: Pick<Settings, "pgbouncer" | "nodes">): number =>
  pgbouncer.replicas ?? Math.min(USUAL_INSTANCES, Object.keys(nodes).length);

/**
 * Connections that all pools together may open to one member, and how many there are for them. The pools of the primary
 * and those of the replicas never meet: a member that becomes primary drops the sessions of its readers.
 */
export function poolBudget(settings: {
  readonly postgres: {
    readonly maxConnections: number;
    readonly databases: Readonly<Record<string, unknown>>;
  };
  readonly pgbouncer: Settings["pgbouncer"];
  readonly nodes: Settings["nodes"];
}): { readonly used: number; readonly max: number } {
  const { postgres, pgbouncer } = settings;
  const databases = Object.keys(postgres.databases).length;
  return {
    used: poolerReplicas(settings) * (databases * pgbouncer.poolSize + LOOKUP_CONNECTIONS),
    max: postgres.maxConnections - KEPT_FREE,
  };
}
