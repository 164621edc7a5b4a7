/** An engine in a process of its own, for tests that kill it. Argument: the state file. */
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { createEngine } from "../../../lab/engine/engine.ts";
import { Cloud } from "../support/cloud.ts";
import { PROJECT, STACK } from "../support/world.ts";

const [stateFile = "", passphrase = ""] = process.argv.slice(2);
const cloud = new Cloud();
cloud.waits.set("create slow", new Promise(() => undefined));
mkdirSync(join(stateFile, ".."), { recursive: true });
const watched = { ...cloud.driver };
watched.create = async (context, inputs) => {
  if (context.name === "slow") writeFileSync(`${stateFile}.reached`, "");
  return cloud.driver.create(context, inputs);
};
const world = [{ name: "first" }, { name: "slow", refs: { on: "first" } }];
await createEngine({
  project: PROJECT,
  stack: STACK,
  programDir: join(import.meta.dirname, ".."),
  entry: "programs/world.ts",
  stateFile,
  passphrase,
  drivers: { test: watched },
  config: { "demo:world": JSON.stringify(world), "demo:password": "hunter2-Canary" },
  secretKeys: ["demo:password"],
}).up();
