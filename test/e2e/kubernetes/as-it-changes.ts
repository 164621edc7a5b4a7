/** A stack in use: what a change of configuration touches, what it costs clients, and what is refused. */
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it, vi } from "vitest";
import type { DrillResult } from "../../../ops/drill.ts";
import { changed, type UpResult } from "../support/checkout.ts";
import { NODES } from "../support/etcd.ts";
import { SLACK } from "../support/fault-runs.ts";
import { INSTANCES, KEPT, MEMBERS, psql, readKept, untilWell } from "../support/postgres.ts";
import { probing } from "../support/probe.ts";
import { mustUp } from "../support/up.ts";
import { cluster, lab } from "./stack.ts";

const up = (): Promise<UpResult> => mustUp(lab);

const SOON = { timeout: 120_000, interval: 1000 };

/** Longest time without an answer that a planned change may cost a client of the API. */
const PLANNED_GAP_MS = 3000;

/** `up` that must succeed while a client calls the API; it must not wait longer than planned work may cost. */
async function upUnderLoad(): Promise<UpResult> {
  const [result, seen] = await probing(lab, up);
  console.info(
    `longest gap ${seen.longestGapMs} ms, ${seen.errors} of ${seen.calls} calls without an answer`,
  );
  expect(seen.longestGapMs, JSON.stringify(seen)).toBeLessThanOrEqual(PLANNED_GAP_MS + SLACK.gapMs);
  return result;
}

const each = (step: string) => NODES.map((node) => `update ${step.replace("NODE", node)}`);

/** When each node's K3s was started last, in microseconds since boot. One that is still starting is waited for. */
const starts = () => {
  const active = "timeout 120 sh -c 'until systemctl -q is-active k3s; do sleep 0.5; done'";
  const started = "systemctl show -P ActiveEnterTimestampMonotonic k3s";
  return Promise.all(NODES.map((node) => lab.output(node, `${active} && ${started}`)));
};

const leader = async () => (await lab.status()).postgres?.members.find(({ role }) => role === "leader");

/** Digests of the image that the members run. */
const imagesInUse = async () => {
  const field = "jsonpath={.items[*].status.containerStatuses[?(@.name=='postgres')].imageID}";
  return (await cluster.get("-n", MEMBERS, "get", "pods", ...INSTANCES, "-o", field)).split(" ");
};

/** The lab builds an image of another digest: its environment changes, so no package is installed again. */
function rebuildImage(): void {
  const recipes = join(lab.dir, "lab/artifacts/debian-recipes.ts");
  const text = readFileSync(recipes, "utf8");
  writeFileSync(recipes, text.replace('LANG: "C.UTF-8"', 'LANG: "C.UTF-8", IMAGE_OF: "a test"'));
}

const labels = ["gardenos:nodes", "n2", "nodeLabels"];
const onN2 = async (selector: string) => {
  expect(await cluster.get("get", "node", "-l", selector, "-o", "name")).toBe("node/n2");
};

// Each test changes what does not touch the others' parts: a run takes long, and says of each part what it did.
describe("a change of", () => {
  it("labels, HAProxy's time-out and Postgres's image restarts no K3s, and Postgres with one switchover", async () => {
    const [started, led, images] = [await starts(), await leader(), await imagesInUse()];
    lab.configure(labels, { "example.org/workload": "data", zone: "b" });
    lab.configure(["gardenos:haproxy"], { idleTimeoutSeconds: 1800 });
    rebuildImage();
    expect(changed(await upUnderLoad())).toEqual(
      [
        ...each("haproxy-NODE"),
        ...each("k3s-NODE-files"),
        "update k3s-n2-labels",
        "update postgres-cluster/postgres",
        "update postgres-converge",
      ].sort(),
    );
    await onN2("example.org/workload=data,zone=b");
    expect(await lab.output("n1", "grep -c 'timeout client 1800s' /etc/haproxy/haproxy.cfg")).toBe("1");
    expect(await starts()).toEqual(started);
    await untilWell(lab);
    const now = await imagesInUse();
    expect(new Set(now).size).toBe(1);
    expect(images).not.toContain(now[0]);
    expect((await leader())?.timeline).toBe(Number(led?.timeline) + 1);
    expect(await readKept(lab)).toEqual(KEPT);
  });

  it("the hardening restarts one server at a time, and no pod; Postgres takes most parameters as it runs", async () => {
    const pods = () => cluster.get("-n", "apps", "get", "pods", "-l", "app=web", "-o", "name");
    const [before, led] = [await pods(), await leader()];
    lab.configure(["gardenos:k3s", "cis"], true);
    lab.configure(["gardenos:postgres", "parameters"], { work_mem: "3MB" });
    lab.configure(labels, { zone: "c" });
    expect(changed(await upUnderLoad())).toEqual(
      [
        ...each("k3s-NODE-files"),
        ...each("k3s-NODE-roll"),
        "update k3s-n2-labels",
        "update postgres-converge",
      ].sort(),
    );
    const times = (await starts()).map(Number);
    expect([...times].sort((a, b) => a - b)).toEqual(times);
    expect(await lab.output("n3", "test -s /var/lib/rancher/k3s/server/logs/audit.log && echo audited")).toBe(
      "audited",
    );
    expect(await pods()).toBe(before);
    expect(await psql(lab, "SHOW work_mem")).toBe("3MB");
    expect((await leader())?.timeline).toBe(led?.timeline);
    await onN2("zone=c,!example.org/workload");
  });

  it("K3s's version drains and restarts one node at a time", async () => {
    // Nobody would make them again elsewhere, so they stop a drain.
    await cluster.get("-n", "apps", "delete", "pod", "ordinary", "--now");
    await cluster.get("delete", "pod", "foreign", "--now");
    lab.configure(["gardenos:k3s", "version"], "v1.36.6");
    expect(changed(await upUnderLoad())).toEqual(
      [...each("k3s-NODE-files"), ...each("k3s-NODE-roll")].sort(),
    );
    const { kubernetes } = await lab.status();
    expect(kubernetes?.nodes).toEqual(NODES.map((name) => ({ name, ready: true, version: "v1.36.6" })));
    const blocked = "jsonpath={.items[?(@.spec.unschedulable)].metadata.name}";
    expect(await cluster.get("get", "nodes", "-o", blocked)).toBe("");
  });
});

describe("a drill", () => {
  it("lets clients of the API see next to nothing of a node that is taken out, restarted and put back", async () => {
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

describe("other networks", () => {
  it("would break a living cluster: refused, and nothing is touched", async () => {
    lab.configure(["gardenos:network"], { podCidr: "10.52.0.0/16" });
    const { code, all } = await lab.up();
    lab.configure(["gardenos:network"], {});
    expect(code).toBe(1);
    expect(all).toContain("firewall on gardenos-lab-n1: the pod network of a living cluster can't change.");
    expect(all).toContain("want  10.42.0.0/16");
    expect(await cluster.get("get", "--raw", "/readyz")).toBe("ok");
  });
});

describe("a lost server", () => {
  it("is back as member and node after one up, and its pods run again", async () => {
    await lab.must("machine", "destroy", "n2");
    const result = await up();
    expect(changed(result)).toContain("create n2");
    expect(changed(result).filter((change) => /n[13]-/.test(change))).toEqual([]);
    const { etcd, kubernetes } = await lab.status();
    expect(etcd.members.every((member) => member.healthy)).toBe(true);
    expect(kubernetes?.nodes.every((node) => node.ready)).toBe(true);
    await vi.waitFor(async () => {
      const field = "--field-selector=spec.nodeName=n2,status.phase=Running";
      expect(await cluster.get("get", "pods", "-A", field, "-o", "name")).toContain("pod/traefik-");
    }, SOON);
    const nodesOfDns = async () => {
      const field = "jsonpath={.items[*].spec.nodeName}";
      const names = await cluster.get(
        "-n",
        "kube-system",
        "get",
        "pods",
        "-l",
        "k8s-app=kube-dns",
        "-o",
        field,
      );
      expect(names.split(" ").sort()).toEqual(NODES);
    };
    await vi.waitFor(nodesOfDns, SOON);
    // Its member of Postgres copies the leader's data into an empty volume.
    await untilWell(lab);
    expect(await readKept(lab)).toEqual(KEPT);
  });
});
