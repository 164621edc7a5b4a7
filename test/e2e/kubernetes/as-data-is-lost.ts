/** Postgres without its data: what the program refuses, and what it does once the data was given up. The last tests of this lab. */
import { describe, expect, it, vi } from "vitest";
import { changed } from "../support/checkout.ts";
import { NODES } from "../support/etcd.ts";
import { serverIds } from "../support/nodes.ts";
import { ask, INSTANCES, MEMBERS, memberLogs, readKept, rolesIn, WELL } from "../support/postgres.ts";
import { mustUp } from "../support/up.ts";
import { cluster, lab } from "./stack.ts";

const SOON = { timeout: 120_000, interval: 1000 };
const SCOPE = "/service/gardenos-lab";
const FORGET = "find /var/lib/gardenos/postgres -mindepth 1 -delete";

const dcs = (key: string): Promise<string> =>
  lab.output("n1", `set -a; . /etc/etcd/ctl.env; etcdctl get --print-value-only ${SCOPE}/${key}`);

describe("all volumes at once", () => {
  it("are not replaced by an empty cluster, and what etcd knows of the old one stays", async () => {
    const before = await dcs("initialize");
    expect(before).toMatch(/^\d+$/);
    // Twice: a member that lives writes something before it ends, and one that has seen its data remembers it.
    for (const _ of ["data", "memory"]) {
      for (const node of NODES) await lab.output(node, `${FORGET} || ${FORGET}`);
      await cluster.get("-n", MEMBERS, "delete", "pods", ...INSTANCES);
    }
    await vi.waitFor(async () => {
      for (const name of INSTANCES) {
        expect(await memberLogs(cluster, name)).toContain("waiting for leader to bootstrap");
      }
    }, SOON);
    lab.configure(["gardenos:postgres", "parameters"], { work_mem: "5MB" });
    const { code, all } = await lab.up();
    expect(code).toBe(1);
    expect(all).toContain("all members are empty, and this stack had a cluster. Nothing was created.");
    expect(all).toContain("restore a backup (docs/runbooks/postgres-restore.md)");
    expect(await dcs("initialize")).toBe(before);
  });

  it("are given up by these servers' ids only", async () => {
    const give = ["gardenos:postgres", "allowNewCluster"];
    const ids = serverIds(lab);
    lab.configure(give, NODES.map((node) => ids[node]).join("-"));
    await mustUp(lab);
    expect(rolesIn(await lab.status())).toEqual(WELL);
    expect(await ask(lab)).toEqual({ rows: [{ one: 1 }] });
    expect(await readKept(lab)).toMatchObject({ code: "42P01" });
    expect(changed(await mustUp(lab))).toEqual([]);
  });
});
