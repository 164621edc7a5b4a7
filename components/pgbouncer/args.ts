import type * as pulumi from "@pulumi/pulumi";
import type { Quantity } from "../../lib/quantity.ts";
import type { PostgresPlan } from "../../plan/postgres.ts";
import type { Authority } from "../pki/index.ts";
import type { PoolSettings } from "./render.ts";

export interface PgbouncerArgs {
  readonly image: string;
  /** Names of the databases. */
  readonly databases: readonly string[];
  /** Addresses of the Services that lead to the primary and to the replicas. */
  readonly serviceIps: PostgresPlan["serviceIps"];
  readonly settings: PoolSettings & { readonly replicas: number; readonly memory: Quantity };
  /** Of the role `pgbouncer`; SCRAM has no other way to log in for somebody without a client's help. */
  readonly password: pulumi.Input<string>;
  /** Signed the members' certificates, and signs the pooler's: clients need to know one authority. */
  readonly authority: Authority;
  /** Closed namespaces, and a cluster whose roles are made. */
  readonly after: readonly pulumi.Resource[];
}
