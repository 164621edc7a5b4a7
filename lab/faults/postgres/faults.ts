/** What can happen to Postgres, and what its clients may see of it. */
import { setTimeout as sleep } from "node:timers/promises";
import { END_ETCD, FAULTS, type Fault, START_ETCD } from "../faults.ts";
import {
  cutCopy,
  cutEtcd,
  cutReplication,
  mend,
  moveEtcdLeader,
  PATRONI,
  POSTGRES,
  patch,
  type Scene,
  signal,
  switchover,
  untilSynchronous,
  wipe,
} from "./scene.ts";

export interface PostgresFault {
  readonly name: string;
  /** What happens, for the person. */
  readonly text: string;
  /** How long it lasts, or is given to be noticed. */
  readonly holdSeconds: number;
  /** Longest time that a writer may be without an acknowledgement, in milliseconds. */
  readonly limitMs: number;
  /** The negative control: a detector that sees no lost row here sees none anywhere. */
  readonly losesRows?: true;
  /** The fault of nodes that it is, too: clients of the Kubernetes API are measured beside the writers, and judged as there. */
  readonly ofNodes?: OfNodes;
  /** Before writers start. */
  prepare?(scene: Scene): Promise<unknown>;
  inject(scene: Scene): Promise<unknown>;
  /** Ends what does not end by itself; afterwards nobody helps. */
  heal?(scene: Scene): Promise<unknown>;
  /** After everything was judged. */
  restore?(scene: Scene): Promise<unknown>;
}

export interface OfNodes {
  readonly fault: Fault;
  /** Nodes that it hits. */
  victims(scene: Scene): readonly string[];
}

/**
 * Of a crash, a hand-over, a lost node; of what nobody should notice. Commits wait for a synchronous standby that has died until Patroni's
 * next round but one, three seconds each.
 */
const LIMITS = {
  crash: 5500,
  handOver: 3500,
  node: 27_000,
  nothing: 1000,
  reconnect: 3000,
  standby: 6000,
} as const;

/** Longer than Patroni's ttl and the time to take over. */
const OUTAGE_SECONDS = 32;
const NOTICE_SECONDS = 10;
const DROPPED_MS = 1500;

const off = ({ world, leader }: Scene) => world.power(leader.node, "off");
const on = ({ world, leader }: Scene) => world.power(leader.node, "running");

/** The leader's node and another one: a quorum. */
const twoNodes = ({ leader, replicas: [replica] }: Scene) => [
  leader.node,
  ...(replica ? [replica.node] : []),
];

const leadersNode = ({ leader }: Scene) => [leader.node];

/** @throws Error when there is no fault of nodes by that name */
function asNodes(name: string, victims: OfNodes["victims"]): { readonly ofNodes: OfNodes } {
  const fault = FAULTS.find((one) => one.name === name);
  if (!fault) throw new Error(`no fault of nodes is called ${name}`);
  return { ofNodes: { fault, victims } };
}

export const POSTGRES_FAULTS: readonly PostgresFault[] = [
  {
    name: "control",
    text: "asynchronous, replication cut for 1.5 s, then the leader's node off: rows must be lost",
    ...{ holdSeconds: OUTAGE_SECONDS, limitMs: LIMITS.node + DROPPED_MS, losesRows: true },
    prepare: async (scene) => {
      await patch(scene, { synchronous_mode: false });
      await untilSynchronous(scene, false);
    },
    inject: async (scene) => {
      await cutReplication(scene);
      await sleep(DROPPED_MS);
      await off(scene);
      await mend(scene);
    },
    heal: on,
    restore: (scene) => patch(scene, { synchronous_mode: true }),
  },
  {
    name: "kill-postgres",
    text: "all processes of the leader's Postgres are killed",
    ...{ holdSeconds: NOTICE_SECONDS, limitMs: LIMITS.crash },
    inject: (scene) => signal(scene, scene.leader.node, "KILL", POSTGRES),
  },
  {
    name: "power-off",
    text: "the leader's node loses power for 32 s; etcd's leader is elsewhere",
    ...{ holdSeconds: OUTAGE_SECONDS, limitMs: LIMITS.node },
    ...asNodes("power-off", leadersNode),
    prepare: (scene) => moveEtcdLeader(scene, scene.witness),
    inject: off,
    heal: on,
  },
  {
    name: "power-off-both",
    text: "the leader's node loses power for 32 s, and etcd's leader with it",
    ...{ holdSeconds: OUTAGE_SECONDS, limitMs: LIMITS.node },
    ...asNodes("power-off", leadersNode),
    prepare: (scene) => moveEtcdLeader(scene, scene.leader.node),
    inject: off,
    heal: on,
  },
  {
    name: "partition",
    text: "the leader's node loses both networks for 32 s",
    ...{ holdSeconds: OUTAGE_SECONDS, limitMs: LIMITS.node },
    ...asNodes("partition", leadersNode),
    inject: ({ world, leader }) => world.cables(leader.node, "down"),
    heal: ({ world, leader }) => world.cables(leader.node, "up"),
  },
  {
    name: "cut-etcd",
    text: "the leader can't reach etcd for 32 s; it reaches the other members",
    ...{ holdSeconds: OUTAGE_SECONDS, limitMs: LIMITS.node },
    inject: cutEtcd,
    heal: mend,
  },
  {
    name: "cut-replication",
    text: "the leader can't reach its replicas for 32 s; it reaches etcd",
    // Commits wait until the silent standby is none any more: they are late, and not lost.
    ...{ holdSeconds: OUTAGE_SECONDS, limitMs: LIMITS.node },
    inject: cutReplication,
    heal: mend,
  },
  {
    name: "pause",
    text: "the leader's Patroni and Postgres stand still for 32 s",
    ...{ holdSeconds: OUTAGE_SECONDS, limitMs: LIMITS.node },
    inject: async (scene) => {
      await signal(scene, scene.leader.node, "STOP", PATRONI);
      await signal(scene, scene.leader.node, "STOP", POSTGRES);
    },
    heal: async (scene) => {
      await signal(scene, scene.leader.node, "CONT", POSTGRES);
      await signal(scene, scene.leader.node, "CONT", PATRONI);
    },
  },
  {
    name: "kill-patroni",
    text: "the leader's Patroni is killed",
    ...{ holdSeconds: NOTICE_SECONDS, limitMs: LIMITS.node },
    inject: (scene) => signal(scene, scene.leader.node, "KILL", PATRONI),
  },
  {
    name: "switchover",
    text: "a planned hand-over to the synchronous standby",
    ...{ holdSeconds: 0, limitMs: LIMITS.handOver },
    inject: switchover,
  },
  {
    name: "kill-etcd",
    text: "etcd's leader is killed",
    ...{ holdSeconds: NOTICE_SECONDS, limitMs: LIMITS.nothing },
    ...asNodes("kill-etcd", ({ etcdLeader }) => [etcdLeader]),
    inject: ({ world, etcdLeader }) =>
      world.run(etcdLeader, "systemctl kill --signal=KILL --kill-whom=all etcd"),
  },
  {
    name: "quorum",
    text: "two etcd members are killed, and back after 32 s",
    ...{ holdSeconds: OUTAGE_SECONDS, limitMs: LIMITS.nothing },
    ...asNodes("quorum", twoNodes),
    inject: (scene) => Promise.all(twoNodes(scene).map((node) => scene.world.run(node, END_ETCD))),
    heal: (scene) => Promise.all(twoNodes(scene).map((node) => scene.world.run(node, START_ETCD))),
  },
  {
    name: "kill-proxies",
    text: "HAProxy and PgBouncer of one node are killed",
    ...{ holdSeconds: NOTICE_SECONDS, limitMs: LIMITS.reconnect },
    inject: async (scene) => {
      await scene.world.run(scene.witness, "systemctl kill --signal=KILL --kill-whom=all haproxy");
      await signal(scene, scene.witness, "KILL", "-x pgbouncer");
    },
  },
  {
    name: "settings",
    text: "the program runs with a parameter that needs a restart",
    ...{ holdSeconds: 0, limitMs: LIMITS.handOver },
    inject: ({ world }) => world.deploy(["gardenos:postgres", "maxConnections"], 210),
  },
  {
    name: "template",
    text: "the program runs with another memory limit: every member gets a new pod",
    ...{ holdSeconds: 0, limitMs: LIMITS.handOver },
    inject: ({ world }) => world.deploy(["gardenos:postgres", "memory"], "480Mi"),
  },
  {
    name: "wipe",
    text: "the synchronous standby's volume is emptied, and its pod deleted",
    ...{ holdSeconds: NOTICE_SECONDS, limitMs: LIMITS.standby },
    inject: wipe,
  },
  {
    name: "cut-copy",
    text: "a replica is killed while it copies the leader's data",
    ...{ holdSeconds: NOTICE_SECONDS, limitMs: LIMITS.nothing },
    inject: cutCopy,
  },
];
