/** The third layer: Postgres, the ways to it inside the cluster, and its pooler. */
import type * as pulumi from "@pulumi/pulumi";
import { InClusterHaproxy } from "../components/haproxy-lb/index.ts";
import { PatroniCluster } from "../components/patroni-cluster/index.ts";
import { Pgbouncer } from "../components/pgbouncer/index.ts";
import type { Plan } from "../plan/plan.ts";
import { factsOf, type SupabaseService } from "../plan/supabase.ts";
import type { Hosts } from "./hosts.ts";
import { type Kubernetes, policyAddresses } from "./kubernetes.ts";

export interface PostgresInput {
  readonly plan: Plan;
  readonly hosts: Hosts;
  readonly kubernetes: Kubernetes;
  /** Configured passwords by role. Secret. */
  readonly passwords?: pulumi.Output<Readonly<Record<string, string>>>;
}

/** Supabase's services make their roles later; the members let them in by name. */
function supabaseLogins({
  supabase: { services, database },
}: Plan): Readonly<Record<string, readonly string[]>> {
  const roles = (Object.keys(services) as SupabaseService[]).flatMap((name) => factsOf(name).login ?? []);
  return roles.length > 0 ? { [database]: roles } : {};
}

export function createPostgres({ plan, hosts, kubernetes, passwords }: PostgresInput) {
  const { postgresAuthority: authority, platform, k3s } = kubernetes;
  if (!authority) return undefined;
  const opts = { providers: [kubernetes.provider] };
  const cluster = new PatroniCluster(
    "postgres",
    {
      plan: plan.postgres,
      image: plan.images.postgres,
      servers: hosts.hosts(plan.servers),
      network: policyAddresses(plan),
      authority,
      etcd: { caPem: hosts.etcd.caPem, client: hosts.etcd.clients.patroni },
      ...(passwords && { passwords }),
      moreLogins: supabaseLogins(plan),
      nodesReady: k3s.ready,
      namespaceReady: platform.closed,
    },
    opts,
  );
  const balancer = new InClusterHaproxy(
    "postgres-lb",
    {
      image: plan.images.haproxy,
      members: plan.postgres.instances,
      serviceIps: plan.postgres.serviceIps,
      nodes: plan.nodeIps.length,
      caPem: authority.caPem,
      after: platform.closed,
    },
    opts,
  );
  const pooler = new Pgbouncer(
    "pgbouncer",
    {
      image: plan.images.pgbouncer,
      settings: plan.pgbouncer,
      serviceIps: plan.postgres.serviceIps,
      databases: Object.keys(plan.postgres.databases),
      authority: authority.issuer,
      password: cluster.poolerPassword,
      after: [...cluster.ready, ...balancer.ready],
    },
    opts,
  );
  return { cluster, balancer, pooler, authority };
}

export type Postgres = NonNullable<ReturnType<typeof createPostgres>>;
