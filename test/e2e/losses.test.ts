/** Machines that are lost with their disks, one or all, and a lab that loses power. */
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { Checkout, changed, type UpResult } from "./support/checkout.ts";
import { as, clusterId, installClient, NODES, PRIVATE_IPS, quotas, root, voters } from "./support/etcd.ts";
import { bootIds, onAll, serverIds } from "./support/nodes.ts";
import { Witness } from "./support/witness.ts";

const MIB = 1024 ** 2;

let lab: Checkout;
/** What must survive everything but the loss of all machines. */
let cluster: string;

beforeAll(async () => {
  lab = new Checkout();
  await up();
  await root(lab, "etcdctl put /service/kept before");
  cluster = await clusterId(lab);
});
afterAll(() => lab.dispose());

async function up(): Promise<UpResult> {
  const outcome = await lab.up();
  expect(outcome.code, outcome.all).toBe(0);
  return outcome.result;
}

/** Destroys a node's machine and disk. */
const lose = (node: string): Promise<string> => lab.must("machine", "destroy", node);

/** Three healthy voters of the first cluster, and every one of them has the data. */
async function expectIntact(): Promise<void> {
  expect(await voters(lab)).toEqual([...NODES]);
  expect(await clusterId(lab)).toBe(cluster);
  expect((await lab.status()).etcd.members.map(({ name, healthy }) => [name, healthy])).toEqual(
    NODES.map((node) => [node, true]),
  );
  for (const ip of Object.values(PRIVATE_IPS)) {
    const ownCopy = `etcdctl --endpoints=https://${ip}:2379 get --consistency=s --print-value-only /service/kept`;
    expect(await root(lab, ownCopy), ip).toBe("before");
  }
}

describe("a lost machine", () => {
  it.each(["n2", "n1"])("%s comes back as a member of the same cluster, the data intact", async (node) => {
    const servers = serverIds(lab);
    const boots = await bootIds(lab);
    await lose(node);
    const result = await up();
    expect(
      result.drift
        .filter(({ gone }) => gone)
        .map(({ name }) => name)
        .sort(),
    ).toEqual([node, `${node}-private`]);
    console.log(changed(result));
    await expectIntact();
    const others = NODES.filter((other) => other !== node);
    expect(pick(serverIds(lab), others)).toEqual(pick(servers, others));
    expect(pick(await bootIds(lab), others)).toEqual(pick(boots, others));
    expect(serverIds(lab)[node]).not.toBe(servers[node]);
  });

  it("is replaced while a quota change is pending: it joins first, then members restart", async () => {
    const witness = await Witness.start(lab);
    lab.configure(["gardenos:etcd", "quota"], "640Mi");
    await lose("n2");
    await up();
    const testimony = await witness.stop();
    expect(await witness.lost(testimony)).toEqual([]);
    await expectIntact();
    expect(await quotas(lab)).toEqual([640 * MIB, 640 * MIB, 640 * MIB]);
  });

  it("leaves the users as they were", async () => {
    await installClient(lab, "n1", "patroni");
    expect(await as(lab, "patroni", "etcdctl get --print-value-only /service/kept")).toMatchObject({
      code: 0,
      stdout: "before\n",
    });
  });
});

describe("a power cut of the whole lab", () => {
  it("ends with the same cluster, and nothing to change", async () => {
    const boots = await bootIds(lab);
    await lab.must("down");
    const result = await up();
    expect(changed(result)).toEqual([]);
    expect(result.drift).toEqual([]);
    await expectIntact();
    const after = await bootIds(lab);
    for (const node of NODES) expect(after[node], node).not.toBe(boots[node]);
  });
});

describe("all machines lost", () => {
  const guard = (
    word: string,
  ) => `etcd on n1: this stack made an etcd cluster before, and no member of it answers now. Nothing was created.
  If servers are only powered off or cut off, bring one back and run \`pulumi up\` again.
  If the data is lost, restore a snapshot (docs/runbooks/etcd-restore.md), or give the data up for good:
  pulumi config set --path 'gardenos:etcd.allowNewCluster' '${word}'`;
  const word = () => NODES.map((node) => serverIds(lab)[node]).join("-");

  it("stops `up` with the guard's message, and no etcd runs", async () => {
    for (const node of NODES) await lose(node);
    for (let i = 0; i < 2; i++) {
      const { code, result } = await lab.up();
      expect(code).toBe(1);
      expect(result.errors).toEqual([expect.stringContaining(guard(word()))]);
      expect(await onAll(lab, "systemctl is-active etcd; pgrep -c etcd || true; ls /var/lib/etcd")).toEqual(
        Object.fromEntries(NODES.map((node) => [node, "inactive\n0"])),
      );
    }
  });

  it("makes an empty cluster when it is given the message's word, and warns", async () => {
    lab.configure(["gardenos:etcd", "allowNewCluster"], word());
    const { code, all } = await lab.up();
    expect(code, all).toBe(0);
    expect(all).toContain(
      "warning: etcd.allowNewCluster is set. It is a one-time permission: remove it after this run.",
    );
    expect(await voters(lab)).toEqual([...NODES]);
    expect(await clusterId(lab)).not.toBe(cluster);
    expect(await root(lab, "etcdctl get /service/kept")).toBe("");
  });
});

const pick = (values: Readonly<Record<string, string>>, keys: readonly string[]) =>
  keys.map((key) => values[key]);
