/**
 * The contract with app teams and on-call: what a stack exports. Adding a field is free; removing or renaming one
 * needs a new contract number.
 */
import * as pulumi from "@pulumi/pulumi";
import type { Entry } from "./components/entry/index.ts";
import type { EtcdCluster } from "./components/etcd-cluster/index.ts";
import type { FastApiServices } from "./components/fastapi-services/index.ts";
import type { HaproxyLb } from "./components/haproxy-lb/index.ts";
import type { HetznerNodes } from "./components/hetzner-nodes/index.ts";
import type { K3sControlPlane, KubernetesAccess } from "./components/k3s-control-plane/index.ts";
import type { PatroniCluster, PostgresAuthority } from "./components/patroni-cluster/index.ts";
import type { SupabaseStack } from "./components/supabase-stack/index.ts";
import type { Certificates } from "./layers/apps.ts";
import { NAMESPACES } from "./plan/namespaces.ts";
import type { Plan } from "./plan/plan.ts";
import { PORTS } from "./plan/ports.ts";
import { POSTGRES } from "./plan/postgres.ts";
import { VERSIONS } from "./plan/versions.ts";

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

/** How an application logs in. */
export interface DatabaseLogin {
  /** Role of the database. */
  readonly user: string;
  /** Secret. */
  readonly password: string;
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
  /** Absent from a stack without Postgres. Clients verify the server's name and authority, and use TLS always. */
  readonly postgres?: {
    /** Major version. */
    readonly version: string;
    /** For clients outside the cluster, from the networks in `postgres.allowedCidrs`: each leads to the primary. */
    readonly hosts: readonly string[];
    /** Of the primary. */
    readonly port: number;
    /** Of a replica, at the same hosts. */
    readonly replicaPort: number;
    /** Authority of the servers' certificates, PEM. */
    readonly caPem: string;
    /** Host name of the primary for pods, port 5432. */
    readonly primary: string;
    /** Host name of the replicas for pods, port 5432. */
    readonly replica: string;
    /** For pods that open many connections. */
    readonly pgbouncer: {
      /** Host name for pods. */
      readonly host: string;
      /** TLS only. */
      readonly port: number;
    };
    /** By database: the role that owns it, one that reads and writes, one that reads. */
    readonly databases: Readonly<Record<string, Readonly<Record<"owner" | "rw" | "ro", DatabaseLogin>>>>;
  };
  /** Absent from a stack without services. */
  readonly services?: {
    /** Namespace of the program's services, and of app teams' own. */
    readonly namespace: string;
    /** Address of each service that the ingress serves, by name. */
    readonly urls: Readonly<Record<string, string>>;
    /** Authority that clients verify those addresses by, PEM; absent where a public one has signed. */
    readonly caPem?: string;
  };
  /** Absent from a stack without Supabase. */
  readonly supabase?: {
    /** Address of the gateway: SUPABASE_URL of clients. */
    readonly url: string;
    /** Authority that clients verify it by, PEM; absent where a public one has signed. */
    readonly caPem?: string;
    /** May be in pages and apps. */
    readonly publishableKey: string;
    /** May do anything. Secret. */
    readonly secretKey: string;
    /** The publishable key as clients of before want it. */
    readonly anonKey: string;
    /** The secret key as clients of before want it. Secret. */
    readonly serviceRoleKey: string;
    /** When the last two end, RFC 3339. */
    readonly keysExpire: string;
    /** Studio, where it is served. */
    readonly studio?: {
      /** Address of its page. */
      readonly url: string;
      /** Who gets in, by HTTP's basic authentication. */
      readonly user: string;
      /** Secret. */
      readonly password: string;
    };
  };
  readonly versions: {
    /** Release of etcd that the nodes are told to run. */
    readonly etcd: string;
    /** Hetzner image that new nodes are made from. */
    readonly image: string;
  };
}

/** What the layers have made. */
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
  readonly postgres: { readonly cluster: PatroniCluster; readonly authority: PostgresAuthority } | undefined;
  readonly apps: FastApiServices | undefined;
  readonly supabase: SupabaseStack | undefined;
  readonly certificates: Certificates | undefined;
}

export function toExports(
  plan: Plan,
  { nodes, etcd, kubernetes, postgres, apps, supabase, certificates }: Made,
): Exported<StackExports> {
  // Where a public authority has signed, clients need none.
  const ca = certificates && "caPem" in certificates ? { caPem: certificates.caPem } : undefined;
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
    ...(postgres && { postgres: postgresExports(nodes, postgres) }),
    ...(apps && { services: { ...servicesExports(plan), ...ca } }),
    ...(supabase && { supabase: { ...supabaseExports(plan, supabase), ...ca } }),
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

function postgresExports(
  nodes: HetznerNodes,
  { cluster, authority }: NonNullable<Made["postgres"]>,
): Exported<NonNullable<StackExports["postgres"]>> {
  const { namespace, primary, replica, pooler, ports } = POSTGRES;
  const inside = (service: string) => `${service}.${namespace}`;
  return {
    version: VERSIONS.postgres,
    hosts: pulumi.all(Object.values(nodes.nodes).map(({ publicIp }) => publicIp)),
    port: PORTS.postgresPrimary.port,
    replicaPort: PORTS.postgresReplica.port,
    caPem: authority.caPem,
    primary: inside(primary),
    replica: inside(replica),
    pgbouncer: { host: inside(pooler), port: ports.pooler },
    databases: cluster.logins,
  };
}

function servicesExports(plan: Plan): Exported<NonNullable<StackExports["services"]>> {
  const urls = Object.entries(plan.services).flatMap(([name, { host }]) =>
    host === undefined ? [] : [[name, `https://${host}`]],
  );
  return { namespace: NAMESPACES.apps.name, urls: Object.fromEntries(urls) };
}

const supabaseExports = (
  { supabase: { publicUrl, studioHost, keys } }: Plan,
  { access: { studio, ...access } }: SupabaseStack,
): Exported<NonNullable<StackExports["supabase"]>> => ({
  url: publicUrl,
  ...access,
  keysExpire: new Date(keys.expiresAt).toISOString(),
  ...(studio && { studio: { url: `https://${studioHost}`, ...studio } }),
});
