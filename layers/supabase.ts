/** Supabase on the databases, behind the ingress. */
import type * as pulumi from "@pulumi/pulumi";
import { roleName } from "../components/patroni-cluster/index.ts";
import { SupabaseStack } from "../components/supabase-stack/index.ts";
import type { SupabaseSecrets } from "../config/supabase-secrets.ts";
import type { Plan } from "../plan/plan.ts";
import { POSTGRES } from "../plan/postgres.ts";
import { factsOf, type SupabaseService } from "../plan/supabase.ts";
import { type Certificates, privateCidrs } from "./apps.ts";
import type { Postgres } from "./full.ts";
import type { Kubernetes } from "./kubernetes.ts";

export interface SupabaseInput {
  readonly plan: Plan;
  readonly kubernetes: Kubernetes;
  readonly postgres: Postgres;
  readonly certificates: Certificates | undefined;
  /** Path → text of the functions' code. */
  readonly functions: Readonly<Record<string, string>>;
  /** Secret. */
  readonly secrets?: pulumi.Output<SupabaseSecrets>;
}

/** Undefined where none is configured. */
export function createSupabase(input: SupabaseInput) {
  const { plan, kubernetes, postgres, certificates, functions, secrets } = input;
  const services = Object.keys(plan.supabase.services) as SupabaseService[];
  if (services.length === 0) return undefined;
  const { namespace, primary, ports } = POSTGRES;
  const { cluster, authority } = postgres;
  const owner = roleName(plan.supabase.database, "owner");
  return new SupabaseStack(
    "supabase",
    {
      plan: plan.supabase,
      functions,
      images: Object.fromEntries(services.map((name) => [name, plan.images[factsOf(name).image]])),
      postgresImage: plan.images.postgres,
      database: {
        ...{ host: `${primary}.${namespace}`, port: ports.postgres, name: plan.supabase.database, owner },
        caPem: authority.caPem,
        runSql: (name, sql, opts) => cluster.runSql(name, sql, opts),
      },
      ...(secrets && { secrets }),
      ingress: { className: plan.ingress.class, tlsSecret: certificates?.secretName ?? "" },
      privateCidrs: privateCidrs(plan),
      after: [...kubernetes.platform.ready, ...cluster.ready, ...(certificates?.ready ?? [])],
    },
    { providers: [kubernetes.provider] },
  );
}
