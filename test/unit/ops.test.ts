/** On-call's tools on a stack in memory: what they do, and what they refuse. */
import { execFile } from "node:child_process";
import { beforeEach, describe, expect, it } from "vitest";
import { repositoryPath } from "../../lib/repository-file.ts";
import { type DrillResult, drillFailover, renderDrill } from "../../ops/drill.ts";
import { drain, ready } from "../../ops/lb.ts";
import { sshArgv } from "../../ops/ssh.ts";
import { isHealthy, readStatus, renderStatus } from "../../ops/status/index.ts";
import { type FakeStack, fakeStack } from "../support/ops-access.ts";

let stack: FakeStack;
beforeEach(() => {
  stack = fakeStack();
});

/** Commands that changed something. */
const changes = () => stack.ran.filter((line) => !/ (status|true)$/.test(line));

describe("status", () => {
  it("is not well while a machine runs and lets nobody in", async () => {
    expect(isHealthy(await readStatus(stack.access))).toBe(true);
    stack.locked.add("n1");
    const found = await readStatus(stack.access);
    expect(isHealthy(found)).toBe(false);
    expect(found.nodes.map(({ reachable }) => reachable)).toEqual([false, true, true]);
    // The others speak for the cluster.
    expect(renderStatus(found)).toMatch(/n1 .* running, NO SSH .* healthy .* leader/);
  });
});

describe("status of disks", () => {
  it("is not well where Postgres and etcd are about to stop", async () => {
    stack.diskFree["n2"] = 200 * 1024 ** 2;
    const found = await readStatus(stack.access);
    expect(found.nodes[1]).toMatchObject({ diskFreeBytes: 200 * 1024 ** 2 });
    expect(isHealthy(found)).toBe(false);
    expect(renderStatus(found)).toMatch(/n2 .* running, DISK FULL /);
  });
});

describe("status of HAProxy", () => {
  const answering = (node: string) => ({
    ...{ node, drained: false },
    backends: [{ name: "kubernetes-api", up: 3, total: 3 }],
  });

  it("names the nodes where it does not answer", async () => {
    const found = await readStatus(stack.access);
    const haproxy = [answering("n1"), answering("n2"), { node: "n3", drained: false, backends: [] }];
    expect(renderStatus({ ...found, haproxy })).toContain("HAProxy: 2 of 3 nodes answer, NO ANSWER from n3.");
  });
});

describe("status of applications", () => {
  const api = { namespace: "apps", name: "api", ready: 2, wanted: 2 };
  const auth = { namespace: "supabase", name: "auth", ready: 2, wanted: 2 };

  it("counts the pods of each, and is not well where some are missing", async () => {
    const found = await readStatus(stack.access);
    const { version = "", nodes = [] } = found.kubernetes ?? {};
    const withWorkloads = (...workloads: readonly (typeof api)[]) => ({
      ...found,
      kubernetes: { version, nodes, workloads },
    });
    const well = withWorkloads(api, auth);
    expect(isHealthy(well)).toBe(true);
    expect(renderStatus(well)).toContain("Namespace apps: api 2/2.\nNamespace supabase: auth 2/2.");
    const ill = withWorkloads({ ...api, ready: 1 }, auth);
    expect(isHealthy(ill)).toBe(false);
    expect(renderStatus(ill)).toContain("Namespace apps: api 1/2 NOT READY.");
  });
});

describe("lb drain", () => {
  it("drains a node, waits for the load balancer and says who serves now", async () => {
    expect(await drain(stack.access, "n2")).toBe(
      "n2 is drained: the load balancer sends new connections to n1, n3; open ones stay. To end this: ops lb ready n2",
    );
    expect(changes()).toEqual(["n2: haproxy-node drain"]);
  });

  it("may be repeated", async () => {
    await drain(stack.access, "n2");
    expect(await drain(stack.access, "n2")).toContain("n2 is drained");
  });

  it("leaves the last node in service, and says what is with the others", async () => {
    stack.drained.add("n1");
    stack.withoutApi.add("n3");
    await expect(drain(stack.access, "n2")).rejects.toThrow(
      "n2 is the last node that serves the load balancer: n1 is drained (ops lb ready n1), n3 reaches no API server. " +
        "It was left in service.",
    );
    stack.silent.add("n1");
    stack.states["lab-n3"] = "off";
    await expect(drain(stack.access, "n2")).rejects.toThrow("n1 does not answer, n3 is off");
    expect(changes()).toEqual([]);
  });

  it("names the nodes there are", async () => {
    await expect(drain(stack.access, "n9")).rejects.toThrow("there is no node n9; nodes are n1, n2, n3");
  });

  it("is nothing for a stack without a load balancer", async () => {
    stack.kind = "dns";
    await expect(drain(stack.access, "n2")).rejects.toThrow(
      "this stack has no load balancer (gardenos:entry kind is dns), so nothing would follow a drain",
    );
  });
});

describe("lb ready", () => {
  it("puts a node back", async () => {
    stack.drained.add("n2");
    expect(await ready(stack.access, "n2")).toBe("n2 is in service: the load balancer finds it healthy.");
    expect(stack.drained.has("n2")).toBe(false);
  });
});

describe("drill failover", () => {
  const drill = (node?: string) =>
    drillFailover(stack.access, { say: () => undefined, ...(node !== undefined && { node }) });

  it("touches nothing while the cluster is not well", async () => {
    stack.withoutApi.add("n3");
    await expect(drill()).rejects.toThrow(
      /^no drill: the cluster is not well. Nothing was touched; make it healthy first.\n.*kubernetes-api 0\/3/s,
    );
    expect(changes()).toEqual([]);
  });

  it("touches nothing while a node is drained", async () => {
    stack.drained.add("n3");
    await expect(drill()).rejects.toThrow(
      "no drill: n3 drained already. Nothing was touched. First: ops lb ready n3",
    );
  });

  it("names the nodes there are", async () => {
    await expect(drill("n9")).rejects.toThrow("there is no node n9; nodes are n1, n2, n3");
  });

  it("shows a row a step, and what was too long", () => {
    const step = (node: string, longestGapMs: number) => ({
      ...{ node, step: "restart k3s" as const, seconds: 12.34, calls: 120, errors: 1, medianMs: 4.26 },
      ...{ longestGapMs, gaps: [], reasons: {} },
    });
    const result: DrillResult = {
      addresses: ["198.51.100.200"],
      limitMs: 3000,
      steps: [step("n1", 850), step("n2", 3100)],
      passed: false,
    };
    const lines = renderDrill(result).split("\n");
    const rows = lines.filter((line) => line.includes("restart"));
    expect(rows.map((line) => line.split("│").map((cell) => cell.trim()))).toEqual([
      ["", "n1", "restart k3s", "12.3", "120", "1", "4.3", "0.85", "", ""],
      ["", "n2", "restart k3s", "12.3", "120", "1", "4.3", "3.10", "OVER", ""],
    ]);
    expect(lines.at(-1)).toBe("MISSED: wanted no gap over 3 s at 198.51.100.200.");
    expect(renderDrill({ ...result, failure: "n2 is gone." })).toMatch(/\nEnded early: n2 is gone\.$/);
  });
});

describe("the command line", () => {
  const run = (file: string, ...args: readonly string[]) =>
    new Promise<{ code: number; stderr: string }>((resolve) => {
      // A PATH without Pulumi.
      const env = { ...process.env, PATH: "/nowhere" };
      execFile(process.execPath, [repositoryPath(file), ...args], { env }, (error, _stdout, stderr) =>
        resolve({ code: Number(error?.code ?? 0), stderr }),
      );
    });

  it("of production says that it needs the Pulumi CLI", async () => {
    expect(await run("ops/cli.ts", "status", "--stack", "prod")).toEqual({
      code: 1,
      stderr: "ops: pulumi stack output: there is no `pulumi` on the PATH\n",
    });
  });

  it.each([
    [["lb", "drain"], "error: missing required argument 'node'\n"],
    [["lb", "dry", "n1"], "error: unknown command 'dry'\n"],
    [["drill", "failover", "--nodes", "n1"], "error: unknown option '--nodes'\n(Did you mean --node?)\n"],
  ])("refuses %j", async (args, stderr) => {
    expect(await run("ops/cli.ts", ...args)).toEqual({ code: 1, stderr });
  });

  it("never lets ssh trust a key that the stack does not export", () => {
    expect(sshArgv({ knownHosts: "/k" }, "198.51.100.1", ["true"]).join(" ")).toBe(
      "ssh -o UserKnownHostsFile=/k -o StrictHostKeyChecking=yes -o HostKeyAlgorithms=ssh-ed25519 " +
        "-o ConnectTimeout=5 -o ServerAliveInterval=5 -o ServerAliveCountMax=2 -o LogLevel=ERROR root@198.51.100.1 true",
    );
  });
});
