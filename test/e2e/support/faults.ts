/** Faults of the emulated API, and what every failed run must look like. */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { expect } from "vitest";
import { LAB_NET } from "../../../lab/addresses.ts";
import type { FaultInput } from "../../../lab/cloud/faults.ts";
import type { Checkout } from "./checkout.ts";

/** The next calls that match are answered wrongly, or not at all. */
export async function addFault(lab: Checkout, fault: FaultInput): Promise<void> {
  const url = `${new URL(LAB_NET.apiUrl).origin}/_lab/faults`;
  await lab.must("exec", "curl", "-fsS", "-X", "POST", "--data-binary", JSON.stringify(fault), url);
}

const COLLECTIONS = ["servers", "networks", "firewalls", "placement_groups", "ssh_keys"] as const;

/** Names of everything in the emulated project, by kind. */
export function inventory(lab: Checkout): Readonly<Record<string, readonly string[]>> {
  const records = JSON.parse(readFileSync(join(lab.dir, ".lab/cloud.json"), "utf8"));
  const names = (kind: string) => records[kind].map((one: { name: string }) => one.name).sort();
  return Object.fromEntries(COLLECTIONS.map((kind) => [kind, names(kind)]));
}

/** A failed run says what is wrong, shows no stack trace, and nothing else is wrong. */
export function expectFailure(
  { code, result, all }: Awaited<ReturnType<Checkout["up"]>>,
  texts: readonly string[],
): void {
  expect(code, all).toBe(1);
  const errors = result.errors.join("\n");
  for (const text of texts) expect(errors).toContain(text);
  expect(all).not.toMatch(/^\s+at .*:\d+:\d+\)?$/m);
}
