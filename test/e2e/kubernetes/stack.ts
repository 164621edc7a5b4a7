/** The lab that the tests of this folder share: it takes minutes to make. They run in the order of kubernetes.test.ts. */
import { afterAll, beforeAll, expect } from "vitest";
import { Checkout, type UpResult } from "../support/checkout.ts";
import { Cluster } from "../support/cluster.ts";

export const NODES = ["n1", "n2", "n3"];

export const lab = new Checkout("full");
export const cluster = new Cluster(lab);

/** `up` that must succeed. */
export async function up(): Promise<UpResult> {
  const outcome = await lab.up();
  expect(outcome.code, outcome.all).toBe(0);
  return outcome.result;
}

// Here and not in kubernetes.test.ts: hooks run in the order in which they are declared, and imports come first.
beforeAll(async () => {
  await up();
  await cluster.apply("web.yaml");
  await cluster.apply("probes.yaml");
  await cluster.get("-n", "apps", "rollout", "status", "deployment/web", "--timeout=120s");
  const pods = ["pod/writer-0", "pod/ordinary"];
  await cluster.get("-n", "apps", "wait", "--for=condition=Ready", ...pods, "--timeout=120s");
  await cluster.get("wait", "--for=condition=Ready", "pod/foreign", "--timeout=120s");
});
afterAll(() => lab.dispose());
