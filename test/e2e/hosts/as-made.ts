/** `make up`, from nothing, up to etcd. */
import { describe, expect, it } from "vitest";
import { GAINED, TOLERATED } from "../../engine-parity/tolerated.ts";
import { comparedState } from "../../support/engine-state.ts";
import { differences, verdict, withoutGained } from "../../support/parity.ts";
import { realEngine } from "../../support/real-engine.ts";
import { recordsOf } from "../support/state.ts";
import { lab } from "./stack.ts";

describe("make up, from nothing", () => {
  it("ends with three running nodes that are one healthy etcd", async () => {
    expect(await lab.status()).toEqual({
      nodes: ["n1", "n2", "n3"].map((name) => ({
        name,
        publicIp: expect.stringMatching(/^198\.51\.100\.\d+$/),
        privateIp: `10.0.1.1${name.slice(1)}`,
        state: "running",
        reachable: true,
        diskFreeBytes: expect.any(Number),
      })),
      etcd: {
        version: "3.6.16",
        members: ["n1", "n2", "n3"].map((name) => ({ name, healthy: true, leader: expect.any(Boolean) })),
      },
    });
  });

  it("records what the real engine recorded", () => {
    const real = realEngine().resources;
    const found = differences(real, withoutGained(comparedState(recordsOf(lab)), real, GAINED));
    expect(verdict(found, TOLERATED)).toEqual({ unexpected: [], unneeded: [] });
  });

  it("looks at no setting of what its profile leaves out", async () => {
    const database = ["gardenos:services", "api", "database"];
    lab.configure(database, "nowhere");
    const { code, all } = await lab.lab("preview", "--profile", "hosts");
    expect(code, all).toBe(0);
    const more = await lab.lab("preview", "--profile", "full");
    lab.configure(database, "app");
    expect([more.code, more.stderr]).toEqual([1, expect.stringContaining("gardenos:services.api.database")]);
  });
});
