/** The hcloud driver and the lab's cloud behind it, anew for each test. */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect } from "vitest";
import { type Cloud, startCloud } from "../../../lab/cloud/server.ts";
import { createHcloudDriver } from "../../../lab/drivers/hcloud/index.ts";
import type { Existing, Properties } from "../../../lab/engine/driver.ts";
import { contextFor, type TestContext } from "./context.ts";
import { type FakeMachines, fakeMachines } from "./machines.ts";

const TOKEN = "token-of-the-lab";

export const hcloud = createHcloudDriver({
  pollMs: 2,
  pollCapMs: 20,
  retryMs: 2,
  retryCapMs: 20,
  retries: 4,
  rateLimitCapMs: 100,
});

export type Kind =
  | "SshKey"
  | "Network"
  | "NetworkSubnet"
  | "Firewall"
  | "PlacementGroup"
  | "Server"
  | "ServerNetwork"
  | "LoadBalancer"
  | "LoadBalancerNetwork"
  | "LoadBalancerService"
  | "LoadBalancerTarget"
  | "Zone"
  | "ZoneRrset";

/** A resource that was made, as the engine records it. */
export type Made = Existing & { readonly inputs: Properties };

interface Running {
  readonly folder: string;
  readonly machines: FakeMachines;
  readonly cloud: Cloud;
}

let running: Running | undefined;
const now = (): Running => {
  if (running === undefined) throw new Error("there is a cloud during a test only");
  return running;
};

beforeEach(async () => {
  const folder = mkdtempSync(join(tmpdir(), "gardenos-hcloud-test-"));
  const machines = fakeMachines();
  const stateFile = join(folder, "cloud.json");
  running = {
    folder,
    machines,
    cloud: await startCloud({ port: 0, token: TOKEN, stateFile, hypervisor: machines }),
  };
});
afterEach(async () => {
  const { cloud, folder } = now();
  await cloud.close();
  rmSync(folder, { recursive: true });
});

export const theCloud = (): Cloud => now().cloud;
export const theMachines = (): FakeMachines => now().machines;

export const token = (kind: Kind): string => `hcloud:index/${kind[0]?.toLowerCase()}${kind.slice(1)}:${kind}`;
export const context = (kind: Kind): TestContext =>
  contextFor(token(kind), { endpoint: theCloud().endpoint, token: TOKEN });

export const check = (kind: Kind, news: Properties): Properties => {
  const result = hcloud.check?.(token(kind), news);
  expect(result?.failures).toEqual([]);
  return result?.inputs ?? {};
};

export async function make(kind: Kind, news: Properties): Promise<Made> {
  const inputs = check(kind, news);
  return { ...(await hcloud.create(context(kind), inputs)), inputs };
}

/** An update in place; fails when the driver would replace it. */
export async function change(kind: Kind, old: Made, news: Properties): Promise<Made> {
  const inputs = check(kind, news);
  expect(hcloud.diff?.(token(kind), old, inputs).replace).toEqual([]);
  return { id: old.id, inputs, outputs: (await hcloud.update?.(context(kind), old, inputs)) ?? {} };
}

export const read = (kind: Kind, old: Made) => hcloud.read?.(context(kind), old);
export const find = (kind: Kind, news: Properties) => hcloud.find?.(context(kind), check(kind, news));
export const remove = (kind: Kind, old: Made) => hcloud.delete?.(context(kind), old);

/** A call past the driver, as somebody in the console makes it. */
export async function byHand(method: string, path: string, body?: object): Promise<void> {
  const answer = await fetch(theCloud().endpoint + path, {
    method,
    headers: { authorization: `Bearer ${TOKEN}`, "content-type": "application/json" },
    body: body === undefined ? null : JSON.stringify(body),
  });
  expect(answer.ok).toBe(true);
  await theCloud().settled();
}
