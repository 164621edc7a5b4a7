/** The screen of `status`. Pure. */
import { renderTable } from "../table.ts";
import { isDiskFull, postgresTroubles } from "./health.ts";
import type { HaproxyStatus, NodeStatus, PostgresStatus, Status } from "./types.ts";

/** The screen: one row a node, then a sentence for each part. */
export function renderStatus(status: Status): string {
  const columns = status.kubernetes ? ["kubernetes", "haproxy"] : [];
  const table = renderTable(
    ["node", "public", "private", "server", "etcd", "role", ...columns],
    status.nodes.map((node) => [...nodeCells(status, node), ...clusterCells(status, node.name)]),
  );
  const members = status.postgres?.members.length ? [postgresTable(status.postgres)] : [];
  return [table, ...members, ...sentences(status)].join("\n");
}

const postgresTable = ({ members }: PostgresStatus): string =>
  renderTable(
    ["postgres", "node", "role", "state", "timeline", "lag bytes"],
    members.map(({ name, node, role, state, timeline, lagBytes }) => [
      ...[name, node, role.replace("_", " "), state, String(timeline)],
      role === "leader" ? "" : String(lagBytes ?? "unknown"),
    ]),
  );

function nodeCells({ etcd }: Status, node: NodeStatus): string[] {
  const member = etcd.members.find((each) => each.name === node.name);
  const health = member ? (member.healthy ? "healthy" : "UNHEALTHY") : "no member";
  const trouble = node.reachable ? (isDiskFull(node) ? ", DISK FULL" : "") : ", NO SSH";
  const state = node.state === "running" ? `running${trouble}` : node.state;
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
  return [
    etcdSentence(status),
    ...(status.kubernetes ? [kubernetesSentence(status.kubernetes)] : []),
    ...(status.haproxy ? [haproxySentence(status.haproxy)] : []),
    ...(status.postgres ? [postgresSentence(status.postgres)] : []),
    ...workloadSentences(status.kubernetes),
  ];
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

/** One for each namespace that has any. */
function workloadSentences(kubernetes: Status["kubernetes"]): string[] {
  const all = kubernetes?.workloads ?? [];
  return [...new Set(all.map(({ namespace }) => namespace))].map((namespace) => {
    const shown = all
      .filter((each) => each.namespace === namespace)
      .map(({ name, ready, wanted }) => `${name} ${ready}/${wanted}${ready < wanted ? " NOT READY" : ""}`);
    return `Namespace ${namespace}: ${shown.join(", ")}.`;
  });
}

function haproxySentence(haproxy: readonly HaproxyStatus[]): string {
  const silent = haproxy.filter(({ backends }) => backends.length === 0).map(({ node }) => node);
  const missing = silent.length > 0 ? `, NO ANSWER from ${silent.join(", ")}` : "";
  return `HAProxy: ${haproxy.length - silent.length} of ${haproxy.length} nodes answer${missing}.`;
}

function postgresSentence(postgres: PostgresStatus): string {
  const version = postgres.version ? ` ${postgres.version}` : "";
  const troubles = postgresTroubles(postgres);
  const leader = postgres.members.find(({ role }) => role === "leader")?.name;
  if (troubles.length > 0) return `Postgres${version}: NOT WELL: ${troubles.join(", ")}.`;
  return `Postgres${version}: ${postgres.members.length} members, ${leader} leads.`;
}
