/**
 * Every fault of nodes once, while clients call the Kubernetes API: nobody waits longer than promised, and the node
 * comes back without help. `make faults N=10` is the same, more often.
 */
import { describe, expect, it } from "vitest";
import { FAULTS } from "../../../lab/faults/faults.ts";
import { delaysOf, type FaultRun, harmOf, renderRun } from "../../../lab/faults/report.ts";
import type { DrillResult } from "../../../ops/drill.ts";
import { expectPromises } from "../support/fault-runs.ts";
import { lab } from "./stack.ts";

describe("clients of the Kubernetes API", () => {
  it.each(FAULTS.map(({ name, text }) => [text, name] as const))(
    "see no more than promised when %s",
    (_, name) => expectPromises<FaultRun>(lab, name, { layer: "api", harmOf, delaysOf, render: renderRun }),
  );

  it("see next to nothing of planned work", async () => {
    const { code, stdout, all } = await lab.lab("drill", "failover", "--node", "n2", "--json");
    expect(code, all).toBe(0);
    const { steps }: DrillResult = JSON.parse(stdout);
    expect(steps.map(({ node, step }) => `${node} ${step}`)).toEqual([
      "n2 lb drain",
      "n2 restart k3s",
      "n2 lb ready",
    ]);
  });
});

describe("the load balancer", () => {
  it("keeps its last node", async () => {
    await lab.must("lb", "drain", "n1");
    await lab.must("lb", "drain", "n2");
    const refused = await lab.lab("lb", "drain", "n3");
    expect([refused.code, refused.stderr]).toEqual([
      1,
      expect.stringContaining("n3 is the last node that serves the load balancer: n1 is drained"),
    ]);
    await lab.must("kubectl", "get", "--raw", "/readyz");
    await lab.must("lb", "ready", "n1");
    await lab.must("lb", "ready", "n2");
  });
});
