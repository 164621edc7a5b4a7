/** The lab that the tests of this folder share. They run in the order of the file that imports them. */
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, expect } from "vitest";
import { Checkout } from "../support/checkout.ts";
import { mustUp } from "../support/up.ts";

/** There while tests run. A run that only lists them makes no copy of the checkout. */
export let lab: Checkout;

/** Set by a file of tests, read when the lab is made. */
export const initial = { impatient: false };

beforeAll(async () => {
  lab = new Checkout();
  if (initial.impatient) shortenPatience();
  await mustUp(lab);
});
afterAll(() => lab.dispose());

/** Nodes that exist refuse a connection for two minutes before the program gives up: too long for a test. */
function shortenPatience(): void {
  const file = join(lab.dir, "components/hetzner-nodes/hetzner-nodes.ts");
  const text = readFileSync(file, "utf8");
  expect(text).toContain("dialErrorLimit: 30,");
  writeFileSync(file, text.replace("dialErrorLimit: 30,", "dialErrorLimit: 14,"));
}
