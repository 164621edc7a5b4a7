/** A stack for on-call's tools that exists in memory: three nodes behind a load balancer. */
import { renderKubeconfig } from "../../components/k3s-control-plane/kubeconfig.ts";
import type { StackExports } from "../../exports.ts";
import type { OpsAccess, TargetHealth } from "../../ops/access.ts";
import type { PostgresStatus } from "../../ops/status/index.ts";

const KEYS = ["n1", "n2", "n3"] as const;

const login = (user: string) => ({ user, password: `password-of-${user}` });

const POSTGRES: NonNullable<StackExports["postgres"]> = {
  ...{ version: "17.6", hosts: ["198.51.100.10"], port: 5432, replicaPort: 5433, caPem: "an authority" },
  ...{ primary: "postgres-primary.postgres-cluster", replica: "postgres-replica.postgres-cluster" },
  pgbouncer: { host: "pgbouncer.postgres-cluster", port: 6432 },
  databases: { app: { owner: login("app_owner"), rw: login("app_rw"), ro: login("app_ro") } },
};

/** Three members that are well. */
export const postgresWell = (): PostgresStatus => ({
  version: "17.6",
  members: [
    { name: "postgres-0", node: "n1", role: "leader", state: "running", timeline: 3, lagBytes: 0 },
    { name: "postgres-1", node: "n2", role: "sync_standby", state: "streaming", timeline: 3, lagBytes: 0 },
    { name: "postgres-2", node: "n3", role: "replica", state: "streaming", timeline: 3, lagBytes: 4096 },
  ],
});

/** Of nobody in particular. */
const KUBECONFIG = renderKubeconfig({
  ...{ cluster: "lab", user: "admin", host: "198.51.100.200", port: 6443 },
  ...{ caPem: "an authority", certPem: "a certificate", keyPem: "a key" },
});

/** What a test changes; everything is well to begin with. */
export interface FakeStack {
  readonly access: OpsAccess;
  /** Commands that ran, as `n1: command`. */
  readonly ran: string[];
  readonly states: Record<string, string>;
  readonly drained: Set<string>;
  /** Nodes whose HAProxy reaches no API server. */
  readonly withoutApi: Set<string>;
  /** Nodes whose HAProxy does not answer. */
  readonly silent: Set<string>;
  /** Bytes that nodes have left. */
  readonly diskFree: Record<string, number>;
  /** Nodes whose SSH refuses. */
  readonly locked: Set<string>;
  /** What `postgres-node status` says. @default - the stack has no Postgres */
  postgres?: PostgresStatus;
  /** What `postgres-node show config` says. */
  patroni: Readonly<Record<string, unknown>>;
  /** What Postgres' backends in HAProxy are: servers up. */
  readonly postgresUp: { primary: number; replica: number };
  /** Answers of other commands, by what they begin with. */
  readonly answers: Map<string, string>;
  /** What the load balancer thinks. @default - follows drained */
  health?: Readonly<Record<string, TargetHealth>>;
  kind: string;
}

export function fakeStack(): FakeStack {
  const stack: FakeStack = {
    ran: [],
    states: Object.fromEntries(KEYS.map((key) => [`lab-${key}`, "running"])),
    drained: new Set(),
    withoutApi: new Set(),
    silent: new Set(),
    diskFree: Object.fromEntries(KEYS.map((key) => [key, 40 * 1024 ** 3])),
    locked: new Set(),
    patroni: { synchronous_mode: true, failsafe_mode: true },
    postgresUp: { primary: 1, replica: 2 },
    answers: new Map(),
    kind: "load-balancer",
    access: {
      self: "ops",
      get exports() {
        return exportsOf(stack);
      },
      serverState: async (name) => stack.states[name] ?? "gone",
      targetHealth: async () =>
        stack.health ??
        Object.fromEntries(KEYS.map((key) => [key, stack.drained.has(key) ? "unhealthy" : "healthy"])),
      run: (node, command) => run(stack, node, command),
      terminal: async (node, command) => {
        await run(stack, node, command);
        return 0;
      },
    },
  };
  return stack;
}

function exportsOf(stack: FakeStack): StackExports {
  const nodes = KEYS.map((key, i) => {
    const node = { publicIp: `198.51.100.1${i}`, privateIp: `10.0.1.1${i}`, location: "fsn1" };
    return [key, { name: `lab-${key}`, hostKey: "ssh-ed25519 AAAA", ...node }] as const;
  });
  return {
    contract: 1,
    project: "gardenos",
    stack: "lab",
    nodes: Object.fromEntries(nodes),
    etcd: { endpoints: [], caPem: "" },
    kubernetes: { version: "v1", endpoint: "", caPem: "", kubeconfig: KUBECONFIG, certificateExpiry: "" },
    entry: { kind: stack.kind, addresses: ["198.51.100.200"] },
    haproxy: { statsUser: "stats", statsPassword: "password-of-the-statistics" },
    ...(stack.postgres && { postgres: POSTGRES }),
    versions: { etcd: "3", image: "debian-13" },
  };
}

async function run(stack: FakeStack, node: string, command: string): Promise<string> {
  if (stack.locked.has(node)) throw new Error("connection refused");
  stack.ran.push(`${node}: ${command.replace(/^timeout \d+ |\/usr\/local\/lib\/gardenos\//g, "")}`);
  if (command.startsWith("df ")) return `Avail\n${stack.diskFree[node]}\n${90 * 1024 ** 3}\n`;
  if (command.endsWith("etcd-member status")) {
    return JSON.stringify({
      version: "3",
      members: KEYS.map((name) => ({ name, healthy: true, leader: name === "n1" })),
    });
  }
  if (command.endsWith("k3s-node status")) {
    return JSON.stringify({
      version: "v1",
      nodes: KEYS.map((name) => ({ name, ready: true, version: "v1" })),
    });
  }
  if (command.endsWith("haproxy-node status")) {
    if (stack.silent.has(node)) throw new Error("no answer");
    const up = stack.withoutApi.has(node) ? 0 : 3;
    const { primary, replica } = stack.postgresUp;
    const backends = [
      { name: "kubernetes-api", up, total: 3 },
      ...(stack.postgres
        ? [
            { name: "postgres-primary", up: primary, total: 3 },
            { name: "postgres-replica", up: replica, total: 3 },
          ]
        : []),
    ];
    return JSON.stringify({ drained: stack.drained.has(node), backends });
  }
  if (command.endsWith("postgres-node status")) return JSON.stringify(stack.postgres);
  if (command.endsWith("show config")) return JSON.stringify(stack.patroni);
  for (const [start, answer] of stack.answers) if (command.includes(start)) return answer;
  if (command.endsWith("haproxy-node drain")) stack.drained.add(node);
  if (command.endsWith("haproxy-node ready")) stack.drained.delete(node);
  return "";
}
