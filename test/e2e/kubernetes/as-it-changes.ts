/** A Kubernetes in use: what a change of configuration touches, what it costs clients, and what is refused. */
import { describe, expect, it, vi } from "vitest";
import { changed, type UpResult } from "../support/checkout.ts";
import { NODES } from "../support/etcd.ts";
import { SLACK_MS } from "../support/fault-runs.ts";
import { ask, rolesIn, WELL } from "../support/postgres.ts";
import { probing } from "../support/probe.ts";
import { mustUp } from "../support/up.ts";
import { cluster, lab } from "./stack.ts";

const up = (): Promise<UpResult> => mustUp(lab);

/** Longest time without an answer that a planned change may cost a client of the API. */
const PLANNED_GAP_MS = 3000;

/** `up` that must succeed while a client calls the API; it must not wait longer than planned work may cost. */
async function upUnderLoad(): Promise<UpResult> {
  const [result, seen] = await probing(lab, up);
  console.info(
    `longest gap ${seen.longestGapMs} ms, ${seen.errors} of ${seen.calls} calls without an answer`,
  );
  expect(seen.longestGapMs, JSON.stringify(seen)).toBeLessThanOrEqual(PLANNED_GAP_MS + SLACK_MS);
  return result;
}

const each = (step: string) => NODES.map((node) => `update ${step.replace("NODE", node)}`);

/** When each node's K3s was started last, in microseconds since boot. One that is still starting is waited for. */
const starts = () => {
  const active = "timeout 120 sh -c 'until systemctl -q is-active k3s; do sleep 0.5; done'";
  const started = "systemctl show -P ActiveEnterTimestampMonotonic k3s";
  return Promise.all(NODES.map((node) => lab.output(node, `${active} && ${started}`)));
};

describe("a change of", () => {
  it("a node's labels changes the node's labels", async () => {
    const before = await starts();
    const labels = ["gardenos:nodes", "n2", "nodeLabels"];
    lab.configure(labels, { "example.org/workload": "data", zone: "b" });
    expect(changed(await up())).toEqual(["update k3s-n2-labels"]);
    const shown = await cluster.get("get", "node", "-l", "example.org/workload=data,zone=b", "-o", "name");
    expect(shown).toBe("node/n2");
    lab.configure(labels, { zone: "c" });
    expect(changed(await up())).toEqual(["update k3s-n2-labels"]);
    expect(await cluster.get("get", "node", "-l", "zone=c,!example.org/workload", "-o", "name")).toBe(
      "node/n2",
    );
    expect(await starts()).toEqual(before);
  });

  it("an HAProxy time-out reloads HAProxy, and nobody notices", async () => {
    const before = await starts();
    lab.configure(["gardenos:haproxy"], { idleTimeoutSeconds: 1800 });
    expect(changed(await upUnderLoad())).toEqual(each("haproxy-NODE"));
    expect(await lab.output("n1", "grep -c 'timeout client 1800s' /etc/haproxy/haproxy.cfg")).toBe("1");
    expect(await starts()).toEqual(before);
  });

  it("the hardening restarts one server at a time, and pods run on", async () => {
    const pods = () => cluster.get("-n", "apps", "get", "pods", "-l", "app=web", "-o", "name");
    const before = await pods();
    lab.configure(["gardenos:k3s", "cis"], true);
    expect(changed(await upUnderLoad())).toEqual(
      [...each("k3s-NODE-files"), ...each("k3s-NODE-roll")].sort(),
    );
    const times = (await starts()).map(Number);
    expect([...times].sort((a, b) => a - b)).toEqual(times);
    expect(await lab.output("n3", "test -s /var/lib/rancher/k3s/server/logs/audit.log && echo audited")).toBe(
      "audited",
    );
    expect(await pods()).toBe(before);
  });

  it("K3s's version drains and restarts one node at a time", async () => {
    // Nobody would make them again elsewhere, so they stop a drain. A lost node may have taken them already.
    const gone = ["--now", "--ignore-not-found"];
    await cluster.get("-n", "apps", "delete", "pod", "ordinary", ...gone);
    await cluster.get("delete", "pod", "foreign", ...gone);
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

describe("what would break a living cluster is refused, and nothing is touched", () => {
  it("other networks", async () => {
    lab.configure(["gardenos:network"], { podCidr: "10.52.0.0/16" });
    const { code, all } = await lab.up();
    expect(code).toBe(1);
    expect(all).toContain("firewall on gardenos-lab-n1: the pod network of a living cluster can't change.");
    expect(all).toContain("want  10.42.0.0/16");
    lab.configure(["gardenos:network"], { serviceCidr: "10.53.0.0/16" });
    expect((await lab.up()).all).toContain("service-cidr of a living cluster can't change.");
    lab.configure(["gardenos:network"], {});
    expect(await cluster.get("get", "--raw", "/readyz")).toBe("ok");
  });

  it("a minor version that goes back or skips one", async () => {
    const installed = await lab.output("n1", "cat /etc/systemd/system/k3s.service");
    await lab.output(
      "n1",
      "sed -i 's|/opt/k3s-v1.36.6/k3s|/opt/k3s-v1.38.0/k3s|' /etc/systemd/system/k3s.service",
    );
    lab.configure(["gardenos:nodes", "n1", "nodeLabels"], { touched: "yes" });
    lab.configure(["gardenos:k3s", "version"], "v1.36.7");
    const { code, all } = await lab.up();
    expect(code).toBe(1);
    expect(all).toContain(
      "K3s on gardenos-lab-n1: Kubernetes goes up one minor version at a time, and never back.",
    );
    expect(all).toContain("got   v1.36.7, and v1.38.0 runs");
    await lab.put("n1", { "/etc/systemd/system/k3s.service": `${installed}\n` });
    await lab.output("n1", "chmod 0644 /etc/systemd/system/k3s.service");
    lab.configure(["gardenos:k3s", "version"], "v1.36.6");
    await up();
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
    await vi.waitFor(
      async () => {
        const field = "--field-selector=spec.nodeName=n2,status.phase=Running";
        expect(await cluster.get("get", "pods", "-A", field, "-o", "name")).toContain("pod/traefik-");
      },
      { timeout: 120_000, interval: 1000 },
    );
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
    await vi.waitFor(nodesOfDns, { timeout: 120_000, interval: 1000 });
    // Its member of Postgres copies the leader's data into an empty volume.
    const well = async () => expect(rolesIn(await lab.status())).toEqual(WELL);
    await vi.waitFor(well, { timeout: 120_000, interval: 1000 });
    expect(await ask(lab, { user: "app_owner", query: "SELECT id FROM app.kept" })).toEqual({
      rows: [{ id: 1 }],
    });
    expect(changed(await up())).toEqual([]);
  });
});
