import { readFileSync } from "node:fs";
import { join } from "node:path";
import { openState, type ResourceRecord } from "../../../lab/engine/state.ts";
import { nameOf } from "../../../lab/engine/urn.ts";
import { plainProperties } from "../../../lab/engine/wire.ts";
import type { Checkout } from "./checkout.ts";

/** What the built-in engine has on record of a checkout's lab, secrets open. */
export function recordsOf({ dir }: Checkout): readonly ResourceRecord[] {
  const passphrase = readFileSync(join(dir, ".lab/passphrase"), "utf8");
  const file = join(dir, ".lab/state.json");
  return [...openState({ file, passphrase, project: "gardenos", stack: "lab" }).resources.values()];
}

/** A property of a resource of the stack, secret or not. */
export function outputOf(lab: Checkout, resource: string, property: string): string {
  const record = recordsOf(lab).find(({ urn }) => nameOf(urn) === resource);
  const value = record && plainProperties(record.outputs)[property];
  if (typeof value !== "string") throw new Error(`the state has no ${property} of ${resource}`);
  return value;
}
