import type * as pulumi from "@pulumi/pulumi";
import type { EntryPlan } from "../../plan/plan.ts";

/** A node that clients are sent to. */
interface EntryNode {
  /** Hetzner's server id. A rebuilt server has another one, and becomes a target anew. */
  readonly serverId: pulumi.Input<string>;
  readonly publicIp: pulumi.Input<string>;
  /** The attachment to the private network, which a private target needs. */
  readonly attachment: pulumi.Resource;
}

export interface EntryArgs {
  /** Name of the load balancer. */
  readonly prefix: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly plan: EntryPlan;
  /** By node key, in order. */
  readonly nodes: Readonly<Record<string, EntryNode>>;
  /** The private network's subnet. */
  readonly subnetId: pulumi.Input<string>;
  /** Pulumi's protection and Hetzner's delete protection together. */
  readonly protect: boolean;
}
