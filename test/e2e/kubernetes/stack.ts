/** The lab that the tests of this folder share: it takes minutes to make. They run in the order of the file that imports them. */
import { afterAll, beforeAll, expect } from "vitest";
import { Checkout } from "../support/checkout.ts";
import { Cluster } from "../support/cluster.ts";
import { watchProcesses } from "../support/processes.ts";

/** There while tests run. A run that only lists them makes no copy of the checkout. */
export let lab: Checkout;
export let cluster: Cluster;

/** Set by a file of tests that begins with less; read when the lab is made. */
export const initial = { instances: 3, apps: true, watchProcesses: false };

/** What `make up` showed from first to last, and the command line of every process meanwhile, where that is watched. */
export let firstUp: { readonly screen: string; readonly commandLines: readonly string[] };

// Here and not in the file that imports the tests: hooks run in the order in which they are declared, and imports come first.
beforeAll(async () => {
  lab = new Checkout("full");
  lab.configure(["gardenos:postgres", "instances"], initial.instances);
  if (!initial.apps) {
    lab.configure(["gardenos:services"], {});
    lab.configure(["gardenos:supabase"], { profile: "none" });
  }
  cluster = new Cluster(lab);
  firstUp = await makeUp();
  await cluster.apply("web.yaml");
  await cluster.apply("probes.yaml");
  await cluster.get("-n", "apps", "rollout", "status", "deployment/web", "--timeout=120s");
  const pods = ["pod/writer-0", "pod/ordinary"];
  await cluster.get("-n", "apps", "wait", "--for=condition=Ready", ...pods, "--timeout=120s");
  await cluster.get("wait", "--for=condition=Ready", "pod/foreign", "--timeout=120s");
});
afterAll(() => lab.dispose());

async function makeUp(): Promise<typeof firstUp> {
  const watch = initial.watchProcesses ? watchProcesses() : undefined;
  const { code, all: screen } = await lab.lab("up");
  const commandLines = (await watch?.end()) ?? [];
  expect(code, screen).toBe(0);
  return { screen, commandLines };
}
