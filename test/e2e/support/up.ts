/** The main job of a test's lab. */
import { expect } from "vitest";
import type { Checkout, UpResult } from "./checkout.ts";

/** `up` that must succeed. */
export async function mustUp(lab: Checkout): Promise<UpResult> {
  const outcome = await lab.up();
  expect(outcome.code, outcome.all).toBe(0);
  return outcome.result;
}
