import type { NetworkPlan, NodePlan } from "../../plan/plan.ts";
import type { PublicAccess } from "./render.ts";

/** What HetznerNodes needs; all of it comes from the plan. */
export interface HetznerNodesArgs {
  /** Prefix of every physical name and the value pair of the labels. */
  readonly prefix: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly nodes: Readonly<Record<string, NodePlan>>;
  readonly image: string;
  readonly network: NetworkPlan;
  readonly access: PublicAccess;
  /** Pulumi's protection and Hetzner's delete and rebuild protection together. */
  readonly protect: boolean;
}
