/** The lab that the tests of this folder share: it takes minutes to make. They run in the order of kubernetes.test.ts. */
import { afterAll, beforeAll } from "vitest";
import { Checkout } from "../support/checkout.ts";
import { Cluster } from "../support/cluster.ts";
import { mustUp } from "../support/up.ts";

/** There while tests run. A run that only lists them makes no copy of the checkout. */
export let lab: Checkout;
export let cluster: Cluster;

// Here and not in kubernetes.test.ts: hooks run in the order in which they are declared, and imports come first.
beforeAll(async () => {
  lab = new Checkout("full");
  cluster = new Cluster(lab);
  await mustUp(lab);
  await cluster.apply("web.yaml");
  await cluster.apply("probes.yaml");
  await cluster.get("-n", "apps", "rollout", "status", "deployment/web", "--timeout=120s");
  const pods = ["pod/writer-0", "pod/ordinary"];
  await cluster.get("-n", "apps", "wait", "--for=condition=Ready", ...pods, "--timeout=120s");
  await cluster.get("wait", "--for=condition=Ready", "pod/foreign", "--timeout=120s");
});
afterAll(() => lab.dispose());
