/** A lab with Kubernetes: as `make up` leaves it, then as its nodes fail, then as its configuration changes. */
import { afterAll, beforeAll } from "vitest";
import { cluster, lab, up } from "./kubernetes/stack.ts";
import "./kubernetes/as-made.ts";
import "./kubernetes/as-nodes-fail.ts";
import "./kubernetes/as-it-changes.ts";

beforeAll(async () => {
  await up();
  await cluster.apply("web.yaml");
  await cluster.apply("probes.yaml");
  await cluster.get("-n", "apps", "rollout", "status", "deployment/web", "--timeout=120s");
  const pods = ["pod/writer-0", "pod/ordinary"];
  await cluster.get("-n", "apps", "wait", "--for=condition=Ready", ...pods, "--timeout=120s");
  await cluster.get("wait", "--for=condition=Ready", "pod/foreign", "--timeout=120s");
});
afterAll(() => lab.dispose());
