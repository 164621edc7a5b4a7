import type * as pulumi from "@pulumi/pulumi";
import type { Images } from "../../plan/artifacts.ts";
import type { Plan } from "../../plan/plan.ts";
import type { PolicyAddresses } from "../kubernetes/policies.ts";
import type { EntryAddress } from "./traefik.ts";

export interface PlatformArgs {
  /** How much of it there is: `kubernetes` is access, priorities and namespaces, `full` everything. */
  readonly profile: "kubernetes" | "full";
  /** Version of the cluster: `1.36.5`. */
  readonly kubernetesVersion: string;
  readonly network: PolicyAddresses;
  readonly ingress: Plan["ingress"];
  /** There is Supabase, which has a namespace of its own. */
  readonly supabase: boolean;
  readonly tls: Plan["tls"]["mode"];
  readonly images: Images;
  /** Address that Ingresses show. */
  readonly entry: EntryAddress;
  /** The cluster's own gate: with it behind, the API answers and nodes are ready. */
  readonly after: readonly pulumi.Resource[];
}
