import type * as pulumi from "@pulumi/pulumi";
import type { PostgresPlan } from "../../plan/postgres.ts";
import type { NodeHost } from "../host/index.ts";
import type { PolicyAddresses } from "../kubernetes/policies.ts";
import type { KeyPair } from "../pki/index.ts";
import type { PostgresAuthority } from "./authority.ts";

/** A node that may have a member. */
interface PostgresNodeArgs {
  readonly host: NodeHost;
  /** Private address. */
  readonly ip: string;
}

export interface PatroniClusterArgs {
  readonly plan: PostgresPlan;
  readonly image: string;
  /** Nodes with role server by key, in order. */
  readonly servers: Readonly<Record<string, PostgresNodeArgs>>;
  readonly network: PolicyAddresses;
  readonly authority: PostgresAuthority;
  readonly etcd: {
    readonly caPem: pulumi.Input<string>;
    /** Patroni's user. It logs in with a password; its certificate only opens the connection. */
    readonly client: KeyPair & { readonly password?: pulumi.Output<string> };
  };
  /** Configured passwords by role, instead of generated ones. Secret. @default - none */
  readonly passwords?: pulumi.Input<Readonly<Record<string, string>>>;
  /** Roles that other components make, by the database that they may log in to. @default - none */
  readonly moreLogins?: Readonly<Record<string, readonly string[]>>;
  /** Nodes that run Kubernetes. */
  readonly nodesReady: readonly pulumi.Resource[];
  /** The namespace, with its policies. */
  readonly namespaceReady: readonly pulumi.Resource[];
}

/** A login as applications get it. */
export interface Login {
  readonly user: string;
  /** Secret. */
  readonly password: pulumi.Output<string>;
}
