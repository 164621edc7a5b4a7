/** Postgres: names, addresses and ports that follow from the settings, and the parameters that every member has. */
import type { Settings } from "../config/schema.ts";
import { nthAddress } from "../lib/cidr.ts";
import { quantityBytes } from "../lib/quantity.ts";
import { NAMESPACES } from "./namespaces.ts";
import { POSTGRES_NODE_PORTS } from "./ports.ts";
import type { ParameterValue } from "./postgres-values.ts";

/** Names and ports of the cluster's objects, the same in every stack. */
export const POSTGRES = {
  namespace: NAMESPACES.postgres.name,
  /** StatefulSet, and prefix of its pods. */
  name: "postgres",
  /** Services. */
  primary: "postgres-primary",
  replica: "postgres-replica",
  members: "postgres-cluster",
  pooler: "pgbouncer",
  /** In-cluster HAProxy. */
  balancer: "postgres-lb",
  ports: { postgres: 5432, replica: 5433, rest: 8008, pooler: 6432 },
  superuser: "supabase_admin",
  /** On each node. Only the members' pods write to it. */
  dataDirectory: "/var/lib/gardenos/postgres",
} as const;

/**
 * Places in `serviceCidr` of the Services that Postgres' own parts find each other by. They do not ask the cluster's DNS: it
 * loses queries for half a minute after each loss of a node, and a failover would wait for it. Kubernetes gives out the first
 * sixteen last ("Service ClusterIP allocation"); 1 and 10 are taken. Members are five at most.
 */
const SERVICE_PLACES = { primary: 8, replica: 9, members: 11 } as const;

/** One member: its place is fixed, because its data is. */
export interface PostgresInstance {
  /** Name of the pod: `postgres-0`. */
  readonly name: string;
  /** Key of the node that has its volume. */
  readonly node: string;
  /** Private address of that node. */
  readonly nodeIp: string;
  /** Address of its own Service in the cluster. */
  readonly serviceIp: string;
  /** Ports of that node, for HAProxy of all nodes. */
  readonly nodePorts: { readonly postgres: number; readonly rest: number };
}

export interface PostgresPlan {
  readonly instances: readonly PostgresInstance[];
  /** Addresses of the Services that lead to the primary and to the replicas. */
  readonly serviceIps: { readonly primary: string; readonly replica: string };
  readonly allowedCidrs: readonly string[];
  readonly databases: Settings["postgres"]["databases"];
  readonly memory: Settings["postgres"]["memory"];
  readonly maxConnections: number;
  readonly parameters: Readonly<Record<string, ParameterValue>>;
  readonly synchronousMode: boolean;
  readonly timing: { readonly ttl: number; readonly loopWait: number; readonly retryTimeout: number };
  /** Patroni's name of the cluster; its keys are `/service/<scope>/…`. */
  readonly scope: string;
  /** Empty: a new cluster is never made over a lost one. */
  readonly allowNewCluster: string;
}

/** Members where nobody says how many: enough for a standby to wait for and one to lose. */
export const USUAL_INSTANCES = 3;

/** How many members there are. */
export function instanceCount({ postgres, nodes }: Pick<Settings, "postgres" | "nodes">): number {
  const servers = Object.values(nodes).filter(({ role }) => role === "server").length;
  return postgres.instances ?? Math.min(USUAL_INSTANCES, servers);
}

export function planPostgres(
  identity: { readonly project: string; readonly stack: string },
  settings: Pick<Settings, "postgres" | "nodes" | "network">,
  servers: readonly { readonly key: string; readonly privateIp: string }[],
): PostgresPlan {
  const { postgres, network } = settings;
  const serviceIp = (place: number) => nthAddress(network.serviceCidr, place);
  const count = instanceCount(settings);
  return {
    instances: servers.slice(0, count).map((node, i) => ({
      name: `${POSTGRES.name}-${i}`,
      node: node.key,
      nodeIp: node.privateIp,
      serviceIp: serviceIp(SERVICE_PLACES.members + i),
      nodePorts: { postgres: POSTGRES_NODE_PORTS.postgres + i, rest: POSTGRES_NODE_PORTS.rest + i },
    })),
    serviceIps: {
      primary: serviceIp(SERVICE_PLACES.primary),
      replica: serviceIp(SERVICE_PLACES.replica),
    },
    allowedCidrs: postgres.allowedCidrs,
    databases: postgres.databases,
    memory: postgres.memory,
    maxConnections: postgres.maxConnections,
    parameters: { ...memoryParameters(postgres), ...postgres.parameters },
    synchronousMode: postgres.synchronousMode ?? count > 1,
    timing: {
      ttl: postgres.ttlSeconds,
      loopWait: postgres.loopWaitSeconds,
      retryTimeout: postgres.retryTimeoutSeconds,
    },
    scope: postgres.scope ?? `${identity.project}-${identity.stack}`,
    allowNewCluster: postgres.allowNewCluster ?? "",
  };
}

/**
 * What follows from a member's memory, in MB: a quarter for shared buffers, three quarters as what the planner may count on
 * as cached (postgresql.org, "Resource Consumption"), and maintenance that fits three autovacuum workers.
 */
function memoryParameters({ memory }: Pick<Settings["postgres"], "memory">): Record<string, ParameterValue> {
  const mib = quantityBytes(memory) / 2 ** 20;
  const share = (part: number) => `${Math.max(1, Math.floor(mib * part))}MB`;
  return {
    shared_buffers: share(1 / 4),
    effective_cache_size: share(3 / 4),
    maintenance_work_mem: share(1 / 16),
    work_mem: share(1 / 256),
  };
}

export interface PostgresBackends {
  readonly servers: readonly { readonly name: string; readonly address: string; readonly restPort: number }[];
  readonly allowedCidrs: readonly string[];
}

/** Members as the nodes reach them: named by their node, on its own ports. */
export function postgresBackends({ instances, allowedCidrs }: PostgresPlan): PostgresBackends {
  const servers = instances.map(({ node, nodeIp, nodePorts }) => ({
    name: node,
    address: `${nodeIp}:${nodePorts.postgres}`,
    restPort: nodePorts.rest,
  }));
  return { servers, allowedCidrs };
}
