/**
 * `status`: one look at nodes, etcd, Kubernetes and HAProxy. The lab and production share it; they differ in how they reach a node and
 * in what they can say of a machine.
 */
import type { StackExports } from "../exports.ts";
import { renderTable } from "./table.ts";

interface NodeStatus {
  readonly name: string;
  readonly publicIp: string;
  readonly privateIp: string;
  /** Hetzner's server status: `running`, `off` …; `gone` when there is no such server. */
  readonly state: string;
  /** SSH lets these tools in. A machine runs for some seconds before it does. */
  readonly reachable: boolean;
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

interface BackendStatus {
  readonly name: string;
  /** Servers that pass their checks. */
  readonly up: number;
  readonly total: number;
}

interface HaproxyStatus {
  readonly node: string;
  /** Taken out of the load balancer by `lb drain`. */
  readonly drained: boolean;
  readonly backends: readonly BackendStatus[];
}

/** The machine-readable form; keys are only ever added. */
export interface Status {
  readonly nodes: readonly NodeStatus[];
  readonly etcd: { readonly version: string; readonly members: readonly EtcdMemberStatus[] };
  /** Of a stack that has it. */
  readonly kubernetes?: { readonly version: string; readonly nodes: readonly KubernetesNodeStatus[] };
  /** Of a stack that has it; a node that does not answer has no backends. */
  readonly haproxy?: readonly HaproxyStatus[];
}

/** How to look. */
export interface StatusSource {
  readonly exports: Pick<StackExports, "nodes" | "kubernetes">;
  /** State of a server by its Hetzner name. */
  serverState(serverName: string): Promise<string>;
  /** Standard output of a command on a node; rejects when the node can't be reached or the command fails. */
  run(nodeKey: string, command: string): Promise<string>;
}

const SCRIPTS = "/usr/local/lib/gardenos";

async function nodeStatus(
  source: StatusSource,
  name: string,
  { name: serverName, publicIp, privateIp }: StackExports["nodes"][string],
): Promise<NodeStatus> {
  const state = await source.serverState(serverName);
  if (state !== "running") return { name, publicIp, privateIp, state, reachable: false };
  const reachable = await source.run(name, "true").then(
    () => true,
    () => false,
  );
  return { name, publicIp, privateIp, state, reachable };
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
  return { nodes, etcd: await etcd, kubernetes: await kubernetes, haproxy: await haproxy };
}

/** True when every node runs and lets us in, is a healthy member of an etcd that has a leader, and serves what it should. */
export function isHealthy(status: Status): boolean {
  const { nodes, etcd } = status;
  return (
    nodes.length > 0 &&
    nodes.every((node) => node.reachable) &&
    nodes.every((node) => etcd.members.some((member) => member.name === node.name && member.healthy)) &&
    etcd.members.length === nodes.length &&
    etcd.members.some((member) => member.leader) &&
    kubernetesHealthy(status) &&
    haproxyHealthy(status)
  );
}

function kubernetesHealthy({ nodes, kubernetes }: Status): boolean {
  if (!kubernetes) return true;
  return nodes.every(({ name }) => kubernetes.nodes.some((node) => node.name === name && node.ready));
}

/** A node that on-call drained on purpose is not ill. */
function haproxyHealthy({ haproxy }: Status): boolean {
  return (haproxy ?? []).every(
    ({ backends }) => backends.length > 0 && backends.every(({ up, total }) => up === total),
  );
}

/** The screen: one row a node, then a sentence for each part. */
export function renderStatus(status: Status): string {
  const columns = status.kubernetes ? ["kubernetes", "haproxy"] : [];
  const table = renderTable(
    ["node", "public", "private", "server", "etcd", "role", ...columns],
    status.nodes.map((node) => [...nodeCells(status, node), ...clusterCells(status, node.name)]),
  );
  return [table, ...sentences(status)].join("\n");
}

function nodeCells({ etcd }: Status, node: NodeStatus): string[] {
  const member = etcd.members.find((each) => each.name === node.name);
  const health = member ? (member.healthy ? "healthy" : "UNHEALTHY") : "no member";
  const state = node.state === "running" && !node.reachable ? "running, NO SSH" : node.state;
  return [node.name, node.publicIp, node.privateIp, state, health, member?.leader ? "leader" : ""];
}

function clusterCells({ kubernetes, haproxy }: Status, name: string): string[] {
  if (!kubernetes) return [];
  const node = kubernetes.nodes.find((each) => each.name === name);
  const proxy = haproxy?.find((each) => each.node === name);
  const backends =
    proxy?.backends.map((each) => `${each.name} ${each.up}/${each.total}`).join(" ") || "no answer";
  return [
    node ? (node.ready ? "ready" : "NOT READY") : "no node",
    proxy?.drained ? `DRAINED ${backends}` : backends,
  ];
}

function sentences(status: Status): string[] {
  if (status.nodes.length === 0) return ["No nodes yet."];
  return [etcdSentence(status), ...(status.kubernetes ? [kubernetesSentence(status.kubernetes)] : [])];
}

function etcdSentence({ etcd }: Status): string {
  const healthy = etcd.members.filter((member) => member.healthy).length;
  const version = etcd.version ? ` ${etcd.version}` : "";
  const leader = etcd.members.find((member) => member.leader);
  if (etcd.members.length === 0) return "etcd: no node can tell.";
  return `etcd${version}: ${healthy} of ${etcd.members.length} members healthy, ${leader ? `${leader.name} leads` : "NO LEADER"}.`;
}

function kubernetesSentence({ version, nodes }: NonNullable<Status["kubernetes"]>): string {
  if (nodes.length === 0) return "Kubernetes: no API server answers.";
  const ready = nodes.filter((node) => node.ready).length;
  return `Kubernetes ${version}: ${ready} of ${nodes.length} nodes ready.`;
}
