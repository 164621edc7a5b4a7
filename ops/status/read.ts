/** How `status` looks: by SSH, the nodes' own scripts. */
import type { StackExports } from "../../exports.ts";
import type { HaproxyStatus, NodeStatus, PostgresStatus, Status, StatusSource } from "./types.ts";

const SCRIPTS = "/usr/local/lib/gardenos";

/** Bytes that are left, a line for each file system. Postgres' folder is there on nodes that have a member. */
const DISK_FREE = "df -B1 --output=avail / /var/lib/gardenos/postgres 2>/dev/null || true";

async function nodeStatus(
  source: StatusSource,
  name: string,
  { name: serverName, publicIp, privateIp }: StackExports["nodes"][string],
): Promise<NodeStatus> {
  const state = await source.serverState(serverName);
  if (state !== "running") return { name, publicIp, privateIp, state, reachable: false };
  const room = await source.run(name, DISK_FREE).catch(() => undefined);
  const reachable = room !== undefined;
  const free = (room?.match(/\d+/g) ?? []).map(Number);
  return {
    ...{ name, publicIp, privateIp, state, reachable },
    ...(free.length > 0 && { diskFreeBytes: Math.min(...free) }),
  };
}

/** The first node that can tell speaks for the cluster. */
async function ask<T>(
  source: StatusSource,
  nodes: readonly NodeStatus[],
  script: string,
  otherwise: T,
): Promise<T> {
  for (const { name } of nodes.filter((node) => node.reachable)) {
    const answer = await source.run(name, `timeout 20 ${SCRIPTS}/${script} status`).catch(() => undefined);
    if (answer) return JSON.parse(answer);
  }
  return otherwise;
}

function haproxyStatus(
  source: StatusSource,
  nodes: readonly NodeStatus[],
): Promise<readonly HaproxyStatus[]> {
  return Promise.all(
    nodes.map(async (node) => ({
      node: node.name,
      ...(await ask(source, [node], "haproxy-node", { drained: false, backends: [] })),
    })),
  );
}

/** Takes a few seconds at most: every step has a time-out. */
export async function readStatus(source: StatusSource): Promise<Status> {
  const nodes = await Promise.all(
    Object.entries(source.exports.nodes).map(([name, node]) => nodeStatus(source, name, node)),
  );
  const etcd = ask(source, nodes, "etcd-member", { version: "", members: [] });
  if (!source.exports.kubernetes) return { nodes, etcd: await etcd };
  const kubernetes = ask(source, nodes, "k3s-node", { version: "", nodes: [] });
  const haproxy = haproxyStatus(source, nodes);
  const postgres = source.exports.postgres
    ? ask<PostgresStatus>(source, nodes, "postgres-node", { version: "", members: [] })
    : undefined;
  return {
    ...{ nodes, etcd: await etcd, kubernetes: await kubernetes, haproxy: await haproxy },
    ...(postgres && { postgres: await postgres }),
  };
}
