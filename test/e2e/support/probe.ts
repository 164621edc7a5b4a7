/** The measuring client beside a test's other work. */
import { once } from "node:events";
import { createInterface } from "node:readline";
import type { Measurement } from "../../../ops/gaps.ts";
import { type Checkout, finished } from "./checkout.ts";

/** Runs `work` while a client calls the API through the entry; answers what both have to tell. */
export async function probing<T>(lab: Checkout, work: () => Promise<T>): Promise<readonly [T, Measurement]> {
  const child = lab.start("probe", "--json");
  const outcome = finished(child);
  if (child.stderr === null) throw new Error("the probe says nothing");
  await once(createInterface({ input: child.stderr }), "line");
  const result = await work().finally(() => {
    // The command and what it starts in the lab's network share a process group.
    if (child.pid !== undefined) process.kill(-child.pid, "SIGINT");
  });
  const { stdout, all } = await outcome;
  if (stdout === "") throw new Error(`the probe measured nothing:\n${all}`);
  return [result, JSON.parse(stdout)];
}
