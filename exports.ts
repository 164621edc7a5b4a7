/**
 * The contract with app teams and on-call: what a stack exports. Adding a field is free; removing or renaming one
 * needs a new contract number.
 */
import * as pulumi from "@pulumi/pulumi";
import type { Entry } from "./components/entry/index.ts";
import type { EtcdCluster } from "./components/etcd-cluster/index.ts";
import type { HaproxyLb } from "./components/haproxy-lb/index.ts";
import type { HetznerNodes } from "./components/hetzner-nodes/index.ts";
import type { K3sControlPlane, KubernetesAccess } from "./components/k3s-control-plane/index.ts";
import type { Plan } from "./plan/plan.ts";
import { PORTS } from "./plan/ports.ts";

/** A value as its readers get it, or as the program still computes it. */
type Exported<T> = { readonly [K in keyof T]: T[K] | pulumi.Output<T[K]> | Exported<T[K]> };

export interface NodeExports {
  /** Hetzner's server name, also the host name. */
  readonly name: string;
  /** SSH answers here, for the networks in `adminCidrs`. */
  readonly publicIp: string;
  /** Everything between nodes goes here. */
  readonly privateIp: string;
  /** Hetzner location, such as `fsn1`. */
  readonly location: string;
  /** SSH host key to pin: `ssh-ed25519 AAAA…`. */
  readonly hostKey: string;
}

export interface StackExports {
  /** Version of this contract. */
  readonly contract: 1;
  /** Pulumi project. */
  readonly project: string;
  /** Pulumi stack. */
  readonly stack: string;
  /** By node key. */
  readonly nodes: Readonly<Record<string, NodeExports>>;
  readonly etcd: {
    /** Client URLs; they answer on the private network and want a client certificate. */
    readonly endpoints: readonly string[];
    /** Authority of the servers' certificates, PEM. */
    readonly caPem: string;
  };
  /** Absent from a stack that ends with its hosts (`gardenos:profile`). */
  readonly kubernetes?: {
    /** Kubernetes' version. */
    readonly version: string;
    /** URL of the API as clients outside reach it. */
    readonly endpoint: string;
    /** Authorities of the API servers' certificates, PEM. */
    readonly caPem: string;
    /** Access as a member of the group gardenos:admins. Secret. */
    readonly kubeconfig: string;
    /** When that kubeconfig's certificate ends, RFC 3339; any `up` of its last 60 days renews it. */
    readonly certificateExpiry: string;
  };
  /** How clients outside find the nodes. Absent from a stack that ends with its hosts. */
  readonly entry?: {
    /** `load-balancer`, `dns` or `none`. */
    readonly kind: string;
    /** IPv4 addresses that serve the API and the ingress. */
    readonly addresses: readonly string[];
  };
  /** HAProxy's statistics and metrics: https on port 8404 of each private address. */
  readonly haproxy?: {
    /** Who may read them. */
    readonly statsUser: string;
    /** Secret. */
    readonly statsPassword: string;
  };
  readonly versions: {
    /** Release of etcd that the nodes are told to run. */
    readonly etcd: string;
    /** Hetzner image that new nodes are made from. */
    readonly image: string;
  };
}

/** What index.ts has made. */
export interface Made {
  readonly nodes: HetznerNodes;
  readonly etcd: EtcdCluster;
  readonly kubernetes:
    | {
        readonly k3s: K3sControlPlane;
        readonly haproxy: HaproxyLb;
        readonly entry: Entry;
        readonly access: KubernetesAccess;
      }
    | undefined;
}

export function toExports(plan: Plan, { nodes, etcd, kubernetes }: Made): Exported<StackExports> {
  return {
    contract: 1,
    project: plan.identity.project,
    stack: plan.identity.stack,
    nodes: Object.fromEntries(
      Object.entries(nodes.nodes).map(([key, { name, publicIp, privateIp, location, hostKey }]) => [
        key,
        { name, publicIp, privateIp, location, hostKey },
      ]),
    ),
    etcd: { endpoints: Object.values(etcd.endpoints), caPem: etcd.caPem },
    ...(kubernetes && kubernetesExports(plan, kubernetes)),
    versions: { etcd: plan.etcd.artifact.version, image: plan.image },
  };
}

function kubernetesExports(plan: Plan, { k3s, haproxy, entry, access }: NonNullable<Made["kubernetes"]>) {
  return {
    kubernetes: {
      version: plan.k3s.kubernetesVersion,
      endpoint: pulumi.interpolate`https://${entry.apiHost}:${PORTS.kubernetesApi.port}`,
      caPem: k3s.caPem,
      kubeconfig: access.kubeconfig,
      certificateExpiry: access.certificateExpiry,
    },
    entry: { kind: plan.entry.kind, addresses: entry.addresses },
    haproxy: { statsUser: haproxy.statsUser, statsPassword: haproxy.statsPassword },
  };
}
