/** SQL on the leader, as superuser. */
import * as pulumi from "@pulumi/pulumi";
import { readRepositoryFile } from "../../lib/repository-file.ts";
import { shortHash } from "../../lib/sha256.ts";
import { type NodeHost, runStep } from "../host/index.ts";

export interface SqlStepArgs {
  /** Any node with `postgres-node`. */
  readonly host: NodeHost;
  /** For psql. Secret. */
  readonly sql: pulumi.Output<string>;
  /** The word that gives a lost cluster up: what was in it is made again. */
  readonly allowNewCluster: string;
}

/** Runs when the SQL is another one, and when the cluster may be a new one. */
export function sqlStep(
  name: string,
  { host, sql, allowNewCluster }: SqlStepArgs,
  opts: pulumi.CustomResourceOptions,
): pulumi.Resource {
  return runStep(
    name,
    {
      host,
      script: readRepositoryFile("files/postgres/sql.sh"),
      env: {
        SQL: pulumi.unsecret(sql.apply((text) => shortHash(text))),
        ALLOW_NEW_CLUSTER: allowNewCluster,
      },
      stdin: sql,
    },
    opts,
  );
}
