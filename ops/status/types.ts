/** What `status` finds. */
import type { StackExports } from "../../exports.ts";

export interface NodeStatus {
  readonly name: string;
  readonly publicIp: string;
  readonly privateIp: string;
  /** Hetzner's server status: `running`, `off` …; `gone` when there is no such server. */
  readonly state: string;
  /** SSH lets these tools in. A machine runs for some seconds before it does. */
  readonly reachable: boolean;
  /** Bytes that are left on the disk of its system and data, on the fuller one where there are two. Of a node that says so. */
  readonly diskFreeBytes?: number;
}

interface EtcdMemberStatus {
  readonly name: string;
  readonly healthy: boolean;
  readonly leader: boolean;
}

interface KubernetesNodeStatus {
  readonly name: string;
  readonly ready: boolean;
  /** Of its kubelet. */
  readonly version: string;
}

interface WorkloadStatus {
  readonly namespace: string;
  readonly name: string;
  /** Pods that are ready, and pods that are wanted. */
  readonly ready: number;
  readonly wanted: number;
}

interface BackendStatus {
  readonly name: string;
  /** Servers that pass their checks. */
  readonly up: number;
  readonly total: number;
}

export interface HaproxyStatus {
  readonly node: string;
  /** Taken out of the load balancer by `lb drain`. */
  readonly drained: boolean;
  readonly backends: readonly BackendStatus[];
}

interface PostgresMemberStatus {
  /** Instance: `postgres-0`. */
  readonly name: string;
  /** Node key. */
  readonly node: string;
  readonly role: "leader" | "sync_standby" | "replica";
  /** Patroni's word: `running`, `streaming`, `starting` … */
  readonly state: string;
  /** Grows with every change of leader; 0 when it is not known. */
  readonly timeline: number;
  /** Bytes of log that it has not got yet; null when nobody knows. */
  readonly lagBytes: number | null;
}

export interface PostgresStatus {
  /** Such as `17.6`. */
  readonly version: string;
  /** Commits wait for a standby. @default true */
  readonly synchronous?: boolean;
  /** Somebody told Patroni to leave everything as it is: a lost leader is not replaced. @default false */
  readonly paused?: boolean;
  /** All instances that are wanted, whether they answer or not. */
  readonly members: readonly PostgresMemberStatus[];
}

/** The machine-readable form; keys are only ever added. */
export interface Status {
  readonly nodes: readonly NodeStatus[];
  readonly etcd: { readonly version: string; readonly members: readonly EtcdMemberStatus[] };
  /** Of a stack that has it. */
  readonly kubernetes?: {
    readonly version: string;
    readonly nodes: readonly KubernetesNodeStatus[];
    /** Applications and Supabase's services. @default - none */
    readonly workloads?: readonly WorkloadStatus[];
  };
  /** Of a stack that has it; a node that does not answer has no backends. */
  readonly haproxy?: readonly HaproxyStatus[];
  /** Of a stack that has it; without members when none answers. */
  readonly postgres?: PostgresStatus;
}

/** How to look. */
export interface StatusSource {
  readonly exports: Pick<StackExports, "nodes" | "kubernetes"> & { readonly postgres?: unknown };
  /** State of a server by its Hetzner name. */
  serverState(serverName: string): Promise<string>;
  /** Standard output of a command on a node; rejects when the node can't be reached or the command fails. */
  run(nodeKey: string, command: string): Promise<string>;
}
