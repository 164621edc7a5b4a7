import { readFileSync } from "node:fs";
import { join } from "node:path";
import { openState, type ResourceRecord } from "../../../lab/engine/state.ts";
import type { Checkout } from "./checkout.ts";

/** What the built-in engine has on record of a checkout's lab, secrets open. */
export function recordsOf({ dir }: Checkout): readonly ResourceRecord[] {
  const passphrase = readFileSync(join(dir, ".lab/passphrase"), "utf8");
  const file = join(dir, ".lab/state.json");
  return [...openState({ file, passphrase, project: "gardenos", stack: "lab" }).resources.values()];
}
