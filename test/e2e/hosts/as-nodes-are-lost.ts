/** Machines that are lost with their disks, one or all, and a lab that loses power. */
import { beforeAll, describe, expect, it } from "vitest";
import { eventually } from "../../machines/support/eventually.ts";
import { changed, type UpResult } from "../support/checkout.ts";
import { ask, describeCluster, installClient, NODES, PRIVATE_IPS } from "../support/etcd.ts";
import { onAll, serverIds, traces } from "../support/nodes.ts";
import { mustUp } from "../support/up.ts";
import { Witness } from "../support/witness.ts";
import { lab } from "./stack.ts";

const OTHER_QUOTAS = NODES.map(() => 640 * 1024 ** 2);
/** What `up` runs on a node to make it a member. */
const JOIN = "/usr/local/lib/gardenos/etcd-member join";

/** What members of the first cluster say. */
let first: Awaited<ReturnType<typeof describeCluster>>;

const up = (): Promise<UpResult> => mustUp(lab);

/** Destroys a node's machine with its disk. */
const lose = (node: string): Promise<string> => lab.must("machine", "destroy", node);

/** Three healthy voters of the first cluster, and each has the data on its own disk. */
async function expectIntact(quotas = first.quotas): Promise<void> {
  expect(await describeCluster(lab)).toEqual({ ids: first.ids, voters: NODES, quotas });
  expect((await lab.status()).etcd.members).toEqual(
    NODES.map((name) => ({ name, healthy: true, leader: expect.any(Boolean) })),
  );
  const ownCopies = Object.values(PRIVATE_IPS).map(
    (ip) =>
      `ETCDCTL_ENDPOINTS=https://${ip}:2379 etcdctl get --consistency=s --print-value-only /service/kept`,
  );
  expect(Object.values(await ask(lab, "root", ownCopies))).toEqual(["before", "before", "before"]);
}

describe("a lost machine", () => {
  beforeAll(async () => {
    await ask(lab, "root", ["etcdctl put /service/kept before"]);
    first = await describeCluster(lab);
  });

  // n1 is where the cluster was made and where its users are made.
  it("comes back as a member of the same cluster, the data intact", async () => {
    const node = "n1";
    const before = await traces(lab);
    await lose(node);
    const result = await up();
    expect(goneIn(result)).toEqual([node, `${node}-private`]);
    expect(changed(result)).toEqual(made(node));
    await expectIntact();
    const after = await traces(lab);
    expect(after[node]?.server).not.toBe(before[node]?.server);
    expect({ ...after, [node]: undefined }).toEqual({ ...before, [node]: undefined });
  });

  it("is back before members restart for a quota that was changed meanwhile", async () => {
    const witness = await Witness.start(lab);
    lab.configure(["gardenos:etcd", "quota"], "640Mi");
    await lose("n2");
    await up();
    const testimony = await witness.stop();
    console.info(`longest time without a write: ${testimony.longestGapSeconds.toFixed(2)} s`);
    expect(await witness.lost(testimony)).toEqual([]);
    await expectIntact(OTHER_QUOTAS);
  });

  it("leaves etcd's users as they were", async () => {
    await installClient(lab, "patroni");
    const command = "etcdctl get --print-value-only /service/kept";
    expect(await ask(lab, "patroni", [command])).toEqual({ [command]: "before" });
  });
});

describe("a power cut of the whole lab", () => {
  it("ends with the same cluster, and nothing to change", async () => {
    const before = await traces(lab);
    await lab.must("down");
    const result = await up();
    expect(changed(result)).toEqual([]);
    expect(result.drift).toEqual([]);
    await expectIntact(OTHER_QUOTAS);
    const after = await traces(lab);
    for (const node of NODES) expect(after[node]?.boot, node).not.toBe(before[node]?.boot);
  });
});

describe("all machines lost", () => {
  const word = () => NODES.map((node) => serverIds(lab)[node]).join("-");
  const guard = () =>
    [
      "etcd on n1: this stack made an etcd cluster before, and no member of it answers now. Nothing was created.",
      "  If servers are only powered off or cut off, bring one back and run `pulumi up` again.",
      "  If the data is lost, restore a snapshot (docs/runbooks/etcd-restore.md), or give the data up for good:",
      `  pulumi config set --path 'gardenos:etcd.allowNewCluster' '${word()}'`,
    ].join("\n");

  it("stops `up`, twice, with the guard's message, and no etcd runs anywhere", async () => {
    await Promise.all(NODES.map(lose));
    for (let i = 0; i < 2; i++) {
      const { code, result } = await lab.up();
      expect(code).toBe(1);
      expect(result.errors).toEqual([expect.stringContaining(guard())]);
      expect(
        await onAll(lab, "pgrep -c etcd; ls -A /var/lib/etcd; systemctl is-enabled etcd 2>&1; true"),
      ).toEqual(Object.fromEntries(NODES.map((node) => [node, "0\nnot-found"])));
    }
  });

  it("makes an empty cluster when it is given the message's word, and warns", async () => {
    lab.configure(["gardenos:etcd", "allowNewCluster"], word());
    const { code, all } = await lab.up();
    expect(code, all).toBe(0);
    expect(all).toContain(
      "warning: etcd.allowNewCluster is set. It is a one-time permission: remove it after this run.",
    );
    const { ids, voters } = await describeCluster(lab);
    expect(voters).toEqual(NODES);
    expect(ids).toHaveLength(1);
    expect(ids).not.toEqual(first.ids);
    expect(await ask(lab, "root", ["etcdctl get /service/kept"])).toEqual({
      "etcdctl get /service/kept": "",
    });
  });

  it("starts no data that the new cluster does not know", async () => {
    await lab.output("n3", "systemctl stop etcd");
    const remove = `etcdctl member remove $(etcdctl member list | sed -n 's/, started, n3,.*//p')`;
    // etcd lets no member go while it finds the others too newly connected.
    await eventually(async () =>
      expect(await ask(lab, "root", [remove])).toEqual({
        [remove]: expect.stringContaining("removed from cluster"),
      }),
    );
    const refused = await lab.on("n3", JOIN);
    expect([refused.code, refused.stderr]).toEqual([
      1,
      `etcd on n3: the data in /var/lib/etcd is of a member that the cluster does not know: removed, or of a cluster given up.
  Stop etcd here, move /var/lib/etcd/member away and run \`pulumi up\` again: this node then joins as a new member.
`,
    ]);
    expect(await lab.on("n3", "systemctl is-active etcd")).toMatchObject({ stdout: "inactive\n" });
    await lab.output("n3", `mv /var/lib/etcd/member /root/; ${JOIN}`);
    expect((await describeCluster(lab)).voters).toEqual(NODES);
  });
});

/** Names of resources that the refresh did not find any more. */
const goneIn = ({ drift }: UpResult): readonly string[] =>
  drift
    .filter(({ gone }) => gone)
    .map(({ name }) => name)
    .sort();

/** What `up` does about the lost node by which it makes etcd's users. */
const made = (node: string): readonly string[] =>
  [
    ...["", "-private"].map((part) => `create ${node}${part}`),
    `replace ${node}-identity`,
    ...["packages", "baseline", "firewall"].map((part) => `update ${node}-${part}`),
    // The guard looks whether a cluster is left, then the node joins it.
    "update etcd-bootstrap",
    ...["files", "join", "roll"].map((part) => `update etcd-${node}-${part}`),
    "update etcd-users",
  ].sort();
