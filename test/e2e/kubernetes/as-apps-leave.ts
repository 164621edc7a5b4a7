/** Services and Supabase are taken out of the settings. What comes after has the two processors to itself, as its clients are timed. */
import { describe, expect, it, vi } from "vitest";
import { ask } from "../support/postgres.ts";
import { mustUp } from "../support/up.ts";
import { cluster, lab } from "./stack.ts";

describe("services and Supabase that are no longer wanted", () => {
  it("are taken away, and their rows stay", async () => {
    const count = { user: "app_owner", query: "SELECT count(*) > 0 AS some FROM app.leads" };
    lab.configure(["gardenos:services"], {});
    lab.configure(["gardenos:supabase"], { profile: "none" });
    await mustUp(lab);
    const left = () =>
      cluster.get("-n", "apps", "get", "pods", "-l", "app.kubernetes.io/part-of=gardenos", "-o", "name");
    await vi.waitFor(async () => expect(await left()).toBe(""), { timeout: 60_000, interval: 1000 });
    const { code, stderr } = await cluster.kubectl("get", "namespace", "supabase");
    expect([code, stderr]).toEqual([1, expect.stringContaining("NotFound")]);
    expect(await ask(lab, count)).toEqual({ rows: [{ some: true }] });
  });
});
