import type * as pulumi from "@pulumi/pulumi";
import type { SupabaseSecrets } from "../../config/supabase-secrets.ts";
import type { SupabasePlan, SupabaseService } from "../../plan/supabase.ts";
import type { DatabaseAddress } from "./env.ts";

export interface SupabaseStackArgs {
  readonly plan: SupabasePlan;
  /** By digest, of the services that run. */
  readonly images: Readonly<Partial<Record<SupabaseService, string>>>;
  /** Postgres' own, by digest: it has Python, which makes Realtime's tenant, and nodes have it already. */
  readonly postgresImage: string;
  readonly database: DatabaseAddress & {
    /** Role that owns it, and the schemas that PostgREST serves. */
    readonly owner: string;
    /** Authority of its certificate, PEM. */
    readonly caPem: pulumi.Output<string>;
    /** Runs SQL as superuser on the leader. */
    runSql(name: string, sql: pulumi.Output<string>, opts: pulumi.CustomResourceOptions): pulumi.Resource;
  };
  /** Path → text of the functions' code; the edge runtime starts with `main/index.ts`. */
  readonly functions: Readonly<Record<string, string>>;
  /** Secret. @default - nothing but what is drawn */
  readonly secrets?: pulumi.Output<SupabaseSecrets>;
  readonly ingress: {
    readonly className: string;
    /** Secret in the stack's namespace with the certificate of its host. */
    readonly tlsSecret: string;
  };
  /** Networks that pods which may leave the cluster must not reach by that. */
  readonly privateCidrs: readonly string[];
  /** Closed namespaces, the database with its roles, an ingress controller. */
  readonly after: readonly pulumi.Resource[];
}
