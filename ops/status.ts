/**
 * `status`: one look at nodes and etcd. The lab and production share it; they differ in how they reach a node and
 * in what they can say of a machine.
 */
import Table from "cli-table3";
import type { StackExports } from "../exports.ts";

interface NodeStatus {
  readonly name: string;
  readonly publicIp: string;
  readonly privateIp: string;
  /** Hetzner's server status: `running`, `off` …; `gone` when there is no such server. */
  readonly state: string;
}

interface EtcdMemberStatus {
  readonly name: string;
  readonly healthy: boolean;
  readonly leader: boolean;
}

/** The machine-readable form; keys are only ever added. */
export interface Status {
  readonly nodes: readonly NodeStatus[];
  readonly etcd: { readonly version: string; readonly members: readonly EtcdMemberStatus[] };
}

/** How to look. */
export interface StatusSource {
  readonly exports: Pick<StackExports, "nodes">;
  /** State of a server by its Hetzner name. */
  serverState(serverName: string): Promise<string>;
  /** Standard output of a command on a node; rejects when the node can't be reached or the command fails. */
  run(nodeKey: string, command: string): Promise<string>;
}

const ETCD_STATUS = "/usr/local/lib/gardenos/etcd-member status";

/** The first node that can tell speaks for the cluster. */
async function etcdStatus(source: StatusSource, nodes: readonly NodeStatus[]): Promise<Status["etcd"]> {
  for (const { name } of nodes.filter((node) => node.state === "running")) {
    const answer = await source.run(name, ETCD_STATUS).catch(() => undefined);
    if (answer) return JSON.parse(answer);
  }
  return { version: "", members: [] };
}

/** Takes a few seconds at most: every step has a time-out. */
export async function readStatus(source: StatusSource): Promise<Status> {
  const nodes = await Promise.all(
    Object.entries(source.exports.nodes).map(async ([name, node]) => ({
      name,
      publicIp: node.publicIp,
      privateIp: node.privateIp,
      state: await source.serverState(node.name),
    })),
  );
  return { nodes, etcd: await etcdStatus(source, nodes) };
}

/** True when every node runs and every node is a healthy member of an etcd that has a leader. */
export function isHealthy({ nodes, etcd }: Status): boolean {
  return (
    nodes.length > 0 &&
    nodes.every((node) => node.state === "running") &&
    nodes.every((node) => etcd.members.some((member) => member.name === node.name && member.healthy)) &&
    etcd.members.length === nodes.length &&
    etcd.members.some((member) => member.leader)
  );
}

/** The screen: one row a node, then a sentence. */
export function renderStatus(status: Status): string {
  const table = new Table({
    head: ["node", "public", "private", "server", "etcd", "role"],
    style: { head: [], border: [], compact: true },
  });
  for (const node of status.nodes) {
    const member = status.etcd.members.find((each) => each.name === node.name);
    const health = member ? (member.healthy ? "healthy" : "UNHEALTHY") : "no member";
    table.push([
      node.name,
      node.publicIp,
      node.privateIp,
      node.state,
      health,
      member?.leader ? "leader" : "",
    ]);
  }
  return `${table.toString()}\n${summary(status)}`;
}

function summary({ nodes, etcd }: Status): string {
  if (nodes.length === 0) return "No nodes yet.";
  const healthy = etcd.members.filter((member) => member.healthy).length;
  const version = etcd.version ? ` ${etcd.version}` : "";
  const leader = etcd.members.find((member) => member.leader);
  if (etcd.members.length === 0) return "etcd: no node can tell.";
  return `etcd${version}: ${healthy} of ${etcd.members.length} members healthy, ${leader ? `${leader.name} leads` : "NO LEADER"}.`;
}
