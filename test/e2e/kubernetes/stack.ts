/** The lab that the tests of this folder share: it takes minutes to make. They run in the order of kubernetes.test.ts. */
import { expect } from "vitest";
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
