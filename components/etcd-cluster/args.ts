import type * as pulumi from "@pulumi/pulumi";
import type { EtcdPlan } from "../../plan/plan.ts";
import type { NodeHost } from "../host/index.ts";

/** A node that becomes a member. */
export interface EtcdMemberArgs {
  readonly host: NodeHost;
  /** Address that clients and peers use: private network or mesh. Decides certificates, so it is plain. */
  readonly ip: string;
  /** What must be done on this node first. */
  readonly after: readonly pulumi.Resource[];
}

export interface EtcdClusterArgs {
  /** Members by node key. */
  readonly members: Readonly<Record<string, EtcdMemberArgs>>;
  readonly settings: EtcdPlan;
  /** Name of this cluster; keeps members of another one from joining by mistake. */
  readonly clusterToken: string;
}
