/** What can happen to nodes, and what clients of the Kubernetes API may see of it. Postgres has faults of its own: postgres/. */

/** What faults do something to. */
export interface World {
  /** Runs a command on a node. */
  run(node: string, command: string): Promise<unknown>;
  /** Cuts a machine's power, or switches it on. */
  power(node: string, state: "off" | "running"): Promise<void>;
  /** Pulls or plugs both network cables of a machine at the switch. */
  cables(node: string, state: "down" | "up"): Promise<void>;
  /** kubectl as an administrator, with what it reads from standard input. */
  kubectl(args: readonly string[], input?: string): Promise<string>;
  /** Runs the program with another value of one setting, and with those that were changed before. */
  deploy(path: readonly string[], value: unknown): Promise<void>;
  /** Settings are not as they were. */
  hasOtherSettings(): boolean;
  /** Runs the program with the settings as they were. */
  restoreSettings(): Promise<void>;
}

export interface Fault {
  readonly name: string;
  /** What happens, for the person. */
  readonly text: string;
  /** How many nodes it takes. */
  readonly victims: number;
  /** Ends the etcd member of its victim, so perhaps the leader. */
  readonly endsEtcd: boolean;
  /** How long it lasts, or is given to be noticed. */
  readonly holdSeconds: number;
  /** False: clients lose the API while it lasts, and only its return counts. */
  readonly apiSurvives: boolean;
  inject(world: World, node: string): Promise<unknown>;
  /** Ends what does not end by itself; afterwards nobody helps. */
  heal?(world: World, node: string): Promise<unknown>;
}

/** Longest times without an answer, in milliseconds. */
export const LIMITS = {
  loadBalancer: 10_000,
  node: 3000,
  /** For the client of a surviving node when etcd's leader died. */
  nodeWithoutLeader: 5000,
  dns: 5000,
} as const;

/** Longer than the load balancer needs to see it, so that its worst is seen, too. */
const OUTAGE_SECONDS = 20;
/** Until checks have seen what systemd will mend within seconds. */
const NOTICE_SECONDS = 3;
const QUORUM_SECONDS = 30;

/** A process of a unit dies; systemd starts it again. */
const kill = (unit: string, whom: "main" | "all") => (world: World, node: string) =>
  world.run(node, `systemctl kill --signal=KILL --kill-whom=${whom} ${unit}`);

const killed = { victims: 1, holdSeconds: NOTICE_SECONDS, apiSurvives: true } as const;

/**
 * Stops a member for as long as the fault lasts. K3s wants its node's etcd and starts again and again meanwhile, so the unit is kept
 * from starting; killed, because a member that is alone takes a minute and a half to stop when asked nicely.
 */
export const END_ETCD = [
  "mkdir -p /run/systemd/system/etcd.service.d",
  "printf '[Unit]\\nConditionPathExists=/fault-is-over\\n' >/run/systemd/system/etcd.service.d/fault.conf",
  "systemctl daemon-reload",
  "systemctl stop --no-block etcd",
  "systemctl kill --signal=KILL --kill-whom=all etcd",
].join("; ");

export const START_ETCD =
  "rm -rf /run/systemd/system/etcd.service.d; systemctl daemon-reload; systemctl start etcd";

export const FAULTS: readonly Fault[] = [
  {
    name: "power-off",
    text: "a node loses power for 20 s",
    victims: 1,
    endsEtcd: true,
    holdSeconds: OUTAGE_SECONDS,
    apiSurvives: true,
    inject: (world, node) => world.power(node, "off"),
    heal: (world, node) => world.power(node, "running"),
  },
  {
    name: "partition",
    text: "a node loses both networks for 20 s",
    victims: 1,
    endsEtcd: true,
    holdSeconds: OUTAGE_SECONDS,
    apiSurvives: true,
    inject: (world, node) => world.cables(node, "down"),
    heal: (world, node) => world.cables(node, "up"),
  },
  {
    ...killed,
    name: "kill-haproxy",
    text: "a node's HAProxy is killed",
    endsEtcd: false,
    inject: kill("haproxy", "all"),
  },
  {
    ...killed,
    name: "kill-k3s",
    text: "a node's K3s is killed, its pods run on",
    endsEtcd: false,
    inject: kill("k3s", "main"),
  },
  {
    ...killed,
    name: "kill-etcd",
    text: "a node's etcd member is killed",
    endsEtcd: true,
    inject: kill("etcd", "all"),
  },
  {
    name: "quorum",
    text: "two etcd members are down for 30 s",
    victims: 2,
    endsEtcd: true,
    holdSeconds: QUORUM_SECONDS,
    apiSurvives: false,
    inject: (world, node) => world.run(node, END_ETCD),
    heal: (world, node) => world.run(node, START_ETCD),
  },
];
