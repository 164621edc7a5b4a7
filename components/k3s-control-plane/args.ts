import type * as pulumi from "@pulumi/pulumi";
import type { K3sPlan } from "../../plan/plan.ts";
import type { NodeHost } from "../host/index.ts";
import type { KeyPair } from "../pki/index.ts";

/** A node that runs a K3s server: API, scheduler and controllers, and workloads. */
export interface K3sServerArgs {
  readonly host: NodeHost;
  /** Private address: the node's in Kubernetes, and what its API server is announced with. */
  readonly ip: string;
  /** What must be done on this node first. */
  readonly after: readonly pulumi.Resource[];
}

export interface K3sControlPlaneArgs {
  /** Servers by node key, in the order in which they start and roll. */
  readonly servers: Readonly<Record<string, K3sServerArgs>>;
  /** Labels of the Kubernetes nodes, by node key. */
  readonly nodeLabels: Readonly<Record<string, Readonly<Record<string, string>>>>;
  readonly settings: K3sPlan;
  /** Name of the cluster, in certificates and kubeconfigs. */
  readonly clusterName: string;
  /** Names and addresses that clients outside use; the API server's certificate holds them. */
  readonly sans: readonly pulumi.Input<string>[];
  readonly etcd: {
    /** Client URLs by node key. */
    readonly endpoints: Readonly<Record<string, string>>;
    readonly caPem: pulumi.Input<string>;
    /** etcd knows K3s by this certificate's common name. */
    readonly client: KeyPair;
    /** What must be there before K3s starts. */
    readonly ready: readonly pulumi.Resource[];
  };
}

/** Who may talk to the API, and how. */
export interface KubernetesAccess {
  /** The program's own, unknown until every server runs what the configuration says. Secret, and never exported. */
  readonly programKubeconfig: pulumi.Output<string>;
  /** For people: group `gardenos:admins`, whose rights are a ClusterRoleBinding. Secret. */
  readonly kubeconfig: pulumi.Output<string>;
  /** When the people's certificate ends, RFC 3339. */
  readonly certificateExpiry: pulumi.Output<string>;
}
