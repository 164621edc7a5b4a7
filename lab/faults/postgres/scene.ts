/** Who is who when a fault of Postgres begins, and what faults do to them. */
import { pick } from "../../../lib/chance.ts";
import { POSTGRES_NODE } from "../../../ops/pg.ts";
import { shellWord } from "../../../ops/ssh.ts";
import { etcdLeaderOf, type Status } from "../../../ops/status/index.ts";
import { waitFor } from "../../../ops/wait.ts";
import type { World } from "../faults.ts";

export const NAMESPACE = "postgres-cluster";
/** As clients of other nodes and other members reach Postgres: in the pod, and on the nodes' ports. */
const PORTS = "{ 5432, 30540-30544 }";
const KEYS = "/etc/gardenos/postgres";

interface Member {
  readonly name: string;
  readonly node: string;
}

export interface Scene {
  readonly world: World;
  readonly leader: Member;
  /** The synchronous one first. */
  readonly replicas: readonly Member[];
  /** Node of etcd's leader. */
  readonly etcdLeader: string;
  /** Chosen by chance. Clients outside use its HAProxy, and pods that write run there; no fault cuts it off. */
  readonly witness: string;
}

/** @throws Error when there is no leader */
export function sceneOf(world: World, status: Status, chance: () => number): Scene {
  const { postgres, nodes } = status;
  const members = postgres?.members ?? [];
  const leader = members.find(({ role }) => role === "leader");
  if (!leader) throw new Error("Postgres has no leader");
  const replicas = members
    .filter(({ role }) => role !== "leader")
    .sort((a, b) => Number(b.role === "sync_standby") - Number(a.role === "sync_standby"));
  const witness = pick(
    chance,
    nodes.map(({ name }) => name).filter((name) => name !== leader.node),
  );
  return { world, leader, replicas, etcdLeader: etcdLeaderOf(status), witness };
}

/** Processes of the one pod of Postgres that a node has. */
export const signal = ({ world }: Scene, node: string, name: string, pattern: string) =>
  world.run(node, `pkill -${name} ${pattern} || true`);

export const POSTGRES = "-x postgres";
/** The brackets keep the pattern from finding the shell that it stands in. */
export const PATRONI = "-f '[p]atroni.*/etc/patroni'";

/** More than one command: a node's first word is a program. */
const shell = (world: World, node: string, commands: string) =>
  world.run(node, `bash -c ${shellWord(commands)}`);

/** Moves etcd's leader to a node, or away from it. */
export async function moveEtcdLeader({ world, etcdLeader, witness }: Scene, to: string): Promise<void> {
  if (etcdLeader === to) return;
  const command = [
    "set -a; . /etc/etcd/ctl.env; set +a",
    `id=$(etcdctl member list | awk -F ', ' '$3 == "${to}" { print $1 }')`,
    'etcdctl move-leader "$id"',
  ];
  await shell(world, witness, command.join("; "));
}

/** @param changes of Patroni's settings */
export async function patch({ world, leader, witness }: Scene, changes: object): Promise<void> {
  const index = leader.name.split("-").at(-1);
  const url = `https://$address:$((30580 + ${index}))/config`;
  await shell(
    world,
    witness,
    `. ${KEYS}/node.env; for pair in $INSTANCES; do [ "\${pair%%=*}" != ${leader.name} ] || address=\${pair#*=}; done; ` +
      `curl -fsS --cacert ${KEYS}/ca.crt --cert ${KEYS}/client.crt --key ${KEYS}/client.key -X PATCH -d '${JSON.stringify(changes)}' "${url}"`,
  );
}

/** Address of a member's pod. */
const podIp = ({ world }: Scene, name: string): Promise<string> =>
  world.kubectl(["-n", NAMESPACE, "get", "pod", name, "-o", "jsonpath={.status.podIP}"]);

/** Drops packets of a member's pod, as its own node forwards them or takes them in itself. */
async function drop(scene: Scene, { name, node }: Member, ports: string): Promise<void> {
  const ip = await podIp(scene, name);
  const rules = [
    "add table inet faults",
    ...["forward", "input"].flatMap((hook) => [
      `add chain inet faults ${hook} { type filter hook ${hook} priority -10; }`,
      `add rule inet faults ${hook} ip saddr ${ip} tcp dport ${ports} drop`,
      `add rule inet faults ${hook} ip daddr ${ip} tcp sport ${ports} drop`,
    ]),
  ];
  await scene.world.run(node, `printf '%s\\n' ${rules.map((rule) => `'${rule}'`).join(" ")} | nft -f -`);
}

/** Replicas get nothing more from the leader. */
export const cutReplication = (scene: Scene) =>
  Promise.all(scene.replicas.map((replica) => drop(scene, replica, PORTS)));

/** The leader gets no word from etcd. */
export const cutEtcd = (scene: Scene) => drop(scene, scene.leader, "2379");

/** Ends what the two above began; a node that is off has nothing to end. */
export const mend = ({ world, leader, replicas }: Scene) =>
  Promise.all(
    [leader, ...replicas].map(({ node }) =>
      world.run(node, "nft delete table inet faults 2>/dev/null || true").catch(() => undefined),
    ),
  );

export const switchover = ({ world, witness }: Scene) => world.run(witness, `${POSTGRES_NODE} switchover`);

/** A replica's data is gone, and its pod with it. */
export async function wipe({ world, replicas: [replica] }: Scene): Promise<void> {
  if (!replica) throw new Error("there is no replica");
  await world.kubectl(["-n", NAMESPACE, "delete", "pod", replica.name, "--wait=false"]);
  await world.run(replica.node, "find /var/lib/gardenos/postgres -mindepth 1 -delete || true");
}

/** What a replica's folder looks like when its copy of the leader was cut off by a loss of power. */
export async function cutCopy(scene: Scene): Promise<void> {
  // One that no commit waits for.
  const replica = scene.replicas.at(-1);
  if (!replica) throw new Error("there is no replica");
  const data = "/var/lib/gardenos/postgres/data";
  const half = `find ${data} -mindepth 1 ! -name PG_VERSION -delete; cp ${data}/PG_VERSION ${data}/backup_label`;
  await shell(scene.world, replica.node, half);
  await signal(scene, replica.node, "KILL", PATRONI);
  await signal(scene, replica.node, "KILL", POSTGRES);
}

/** Looks until nobody waits for a standby any more, or until somebody does. */
export async function untilSynchronous(scene: Scene, wanted: boolean): Promise<void> {
  const done = await waitFor(
    async () => {
      const text = String(await scene.world.run(scene.witness, `${POSTGRES_NODE} show cluster`));
      return /"(sync|quorum)_standby"/.test(text) === wanted;
    },
    { seconds: 60 },
  );
  if (!done)
    throw new Error(`Postgres did not become ${wanted ? "synchronous" : "asynchronous"} within a minute`);
}
