/** What is well and what is not. Pure. */
import type { HaproxyStatus, NodeStatus, PostgresStatus, Status } from "./types.ts";

/** Backends of which only some servers are up when all is well: names as in the nodes' HAProxy. */
export const POSTGRES_BACKENDS = { primary: "postgres-primary", replica: "postgres-replica" } as const;

/** What Postgres, etcd and the system's own log need to go on. */
const LEAST_DISK_BYTES = 512 * 1024 ** 2;

/** Nothing fails yet where there is a little left; a node that can't tell is not judged. */
export const isDiskFull = ({ diskFreeBytes = Number.POSITIVE_INFINITY }: NodeStatus): boolean =>
  diskFreeBytes < LEAST_DISK_BYTES;

/** Node of etcd's leader; empty while there is none. */
export const etcdLeaderOf = ({ etcd }: Pick<Status, "etcd">): string =>
  etcd.members.find((member) => member.leader)?.name ?? "";

/** True when every node runs and lets us in, is a healthy member of an etcd that has a leader, and serves what it should. */
export function isHealthy(status: Status): boolean {
  const { nodes, etcd } = status;
  return (
    nodes.length > 0 &&
    nodes.every((node) => node.reachable && !isDiskFull(node)) &&
    nodes.every((node) => etcd.members.some((member) => member.name === node.name && member.healthy)) &&
    etcd.members.length === nodes.length &&
    etcd.members.some((member) => member.leader) &&
    kubernetesHealthy(status) &&
    haproxyHealthy(status) &&
    postgresHealthy(status)
  );
}

function kubernetesHealthy({ nodes, kubernetes }: Status): boolean {
  if (!kubernetes) return true;
  return (
    nodes.every(({ name }) => kubernetes.nodes.some((node) => node.name === name && node.ready)) &&
    (kubernetes.workloads ?? []).every(({ ready, wanted }) => ready >= wanted)
  );
}

/** A node that on-call drained on purpose is not ill. */
function haproxyHealthy({ haproxy, postgres }: Status): boolean {
  const instances = postgres?.members.length ?? 0;
  return (haproxy ?? []).every(
    ({ backends }) => backends.length > 0 && backends.every((each) => isBackendHealthy(each, instances)),
  );
}

/** @param instances of Postgres: one of them is the primary, the others are replicas */
export function isBackendHealthy(
  { name, up, total }: HaproxyStatus["backends"][number],
  instances: number,
): boolean {
  if (name === POSTGRES_BACKENDS.primary) return up === 1;
  if (name === POSTGRES_BACKENDS.replica) return up >= instances - 1;
  return up === total;
}

/** What is wrong with Postgres, a sentence each; none when it is well. */
export function postgresTroubles({ members, synchronous = true, paused }: PostgresStatus): readonly string[] {
  const leaders = members.filter(({ role }) => role === "leader");
  const [leader] = leaders;
  if (members.length === 0) return ["no member answers"];
  if (!leader || leaders.length > 1) return [leader ? "there are several leaders" : "there is no leader"];
  const wanted = (role: string) => (role === "leader" ? "running" : "streaming");
  return [
    ...members
      .filter(({ role, state }) => state !== wanted(role))
      .map(({ name, state }) => `${name} is ${state}`),
    ...members
      .filter(({ state, timeline }) => state !== "absent" && timeline !== leader.timeline)
      .map(({ name, timeline }) => `${name} is on timeline ${timeline}, the leader on ${leader.timeline}`),
    ...(synchronous && members.length > 1 && !members.some(({ role }) => role === "sync_standby")
      ? ["no standby is synchronous"]
      : []),
    ...(paused
      ? ["Patroni is paused, so nobody takes over (`patronictl resume` in a member's pod ends that)"]
      : []),
  ];
}

function postgresHealthy({ postgres }: Status): boolean {
  return postgres === undefined || postgresTroubles(postgres).length === 0;
}
