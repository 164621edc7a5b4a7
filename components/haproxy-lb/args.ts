import type * as pulumi from "@pulumi/pulumi";
import type { Plan } from "../../plan/plan.ts";
import type { NodeHost } from "../host/index.ts";
import type { KeyPair } from "../pki/index.ts";
import type { HaproxyAccess, IngressBackends, NodeDatabase } from "./render.ts";

/** A node that gets a HAProxy. */
export interface HaproxyNodeArgs {
  readonly host: NodeHost;
  /** Private address. */
  readonly ip: string;
  /** What must be done on this node first. */
  readonly after: readonly pulumi.Resource[];
}

/** Certificates, from the authorities of Kubernetes. */
interface HaproxyPki {
  /** Client certificate for the check of the API servers; any user that they know may ask `/readyz`. */
  readonly apiCheck: KeyPair;
  /** Authority of the API servers' certificates, up to the root, PEM. */
  readonly apiCaChain: pulumi.Input<string>;
  /** For the statistics, with the private addresses of all nodes. */
  readonly statsCertificate: KeyPair;
}

export interface HaproxyLbArgs {
  /** All nodes, by key, in order. */
  readonly nodes: Readonly<Record<string, HaproxyNodeArgs>>;
  /** Keys of the nodes with an API server. */
  readonly servers: readonly string[];
  readonly access: HaproxyAccess;
  readonly settings: Plan["haproxy"];
  /** @default - this stack has no ingress */
  readonly ingress?: IngressBackends | undefined;
  /** @default - this stack has no Postgres */
  readonly postgres?:
    | (NodeDatabase & {
        /** Authority of the members' certificates, PEM. */ readonly caPem: pulumi.Input<string>;
      })
    | undefined;
  readonly pki: HaproxyPki;
}
