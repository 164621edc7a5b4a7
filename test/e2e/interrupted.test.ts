/** A run that is killed is made good by the next one, whenever it was killed and whoever was. */
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { eventually } from "../machines/support/eventually.ts";
import { nspawnFiles, traces } from "../machines/support/traces.ts";
import { chances } from "../support/chance.ts";
import { Checkout, changed } from "./support/checkout.ts";
import { NODES } from "./support/etcd.ts";
import { inventory } from "./support/faults.ts";
import { contextOf, daemonOf, killUp, type Moment, make, workers } from "./support/interruption.ts";
import { onAll } from "./support/nodes.ts";

let lab: Checkout;

beforeAll(() => {
  lab = new Checkout();
});
afterAll(() => lab.dispose());

async function expectHealthy(): Promise<void> {
  const { nodes, etcd } = await lab.status();
  expect(nodes.map(({ name, state }) => [name, state])).toEqual(NODES.map((name) => [name, "running"]));
  expect(etcd.members.map(({ name, healthy }) => [name, healthy])).toEqual(NODES.map((name) => [name, true]));
  expect(inventory(lab)).toEqual({
    servers: NODES.map((node) => `gardenos-lab-${node}`),
    networks: ["gardenos-lab"],
    firewalls: ["gardenos-lab"],
    placement_groups: ["gardenos-lab-fsn1"],
    ssh_keys: ["gardenos-lab-deploy"],
  });
  const leftovers = "ls -d /run/gardenos.* /var/lib/gardenos/bundles/*/journal 2>/dev/null; true";
  expect(await onAll(lab, leftovers)).toEqual({ n1: "", n2: "", n3: "" });
}

async function expectNothingToDo(): Promise<void> {
  const { code, result, all } = await lab.up();
  expect(code, all).toBe(0);
  expect(changed(result)).toEqual([]);
  expect(result.drift).toEqual([]);
}

describe("make up", () => {
  const chance = chances("make up is killed");
  const within = (seconds: number) => Math.round(chance() * seconds * 1000);
  const preparing: Moment = { delayMs: 500 + within(7), victim: "make" };
  const settingUp: Moment = { after: "created command:remote:Command", delayMs: within(6), victim: "group" };
  const joining: Moment = {
    after: "created command:remote:Command etcd-bootstrap",
    delayMs: within(4),
    victim: "make",
  };

  it("killed on its way to the first servers, while it sets up systems, and while members join, ends well", async () => {
    for (const moment of [preparing, settingUp, joining]) {
      console.log(`killed: ${JSON.stringify(moment)}`);
      await killUp(lab, moment);
      await eventually(() => expect(workers(lab)).toEqual([]), 5_000);
    }
    const again = await make(lab, "up");
    expect(again.code, again.all).toBe(0);
    await expectHealthy();
    await expectNothingToDo();
  });
});

it("the lab's daemon, killed under its machines, is replaced by up, and down leaves nothing", async () => {
  const before = nspawnFiles();
  const daemon = daemonOf(lab);
  process.kill(daemon?.pid ?? Number.NaN, "SIGKILL");
  await eventually(() => expect(daemonOf(lab)).toBeUndefined());

  const again = await make(lab, "up");
  expect(again.code, again.all).toBe(0);
  await expectHealthy();

  const namespace = daemonOf(lab)?.namespace;
  const down = await make(lab, "down");
  expect(down.code, down.all).toBe(0);
  expect(traces(contextOf(lab), namespace)).toEqual([]);
  expect(traces(contextOf(lab), daemon?.namespace)).toEqual([]);
  expect(workers(lab)).toEqual([]);
  expect(nspawnFiles()).toEqual(before);
});
