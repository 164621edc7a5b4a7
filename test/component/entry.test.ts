import * as pulumi from "@pulumi/pulumi";
import { describe, expect, it } from "vitest";
import { Entry } from "../../components/entry/index.ts";
import type { EntryPlan } from "../../plan/plan.ts";
import { type Recording, record } from "../support/record.ts";

const BASE = { location: "fsn1", loadBalancerType: "lb11", privateIp: "10.0.1.5" } as const;
const DNS = { zone: "example.org", createZone: false, apiName: "k8s", ingressName: "*", ttlSeconds: 60 };

class Attachment extends pulumi.CustomResource {
  constructor(name: string) {
    super("test:index:Attachment", name);
  }
}

function entry(plan: EntryPlan, protect = false): Promise<Recording> {
  return record(() => {
    const nodes = Object.fromEntries(
      ["n1", "n2"].map((key, i) => [
        key,
        {
          serverId: `${101 + i}`,
          publicIp: `198.51.100.${11 + i}`,
          attachment: new Attachment(`${key}-private`),
        },
      ]),
    );
    const { addresses, apiHost, name } = new Entry("entry", {
      prefix: "gardenos-test",
      labels: { project: "gardenos" },
      plan,
      nodes,
      subnetId: "7-10.0.1.0/24",
      protect,
    });
    return { addresses, apiHost, ...(name && { name }) };
  });
}

const made = ({ resources }: Recording, kind: string) =>
  resources.filter((r) => r.type === `hcloud:index/${kind[0]?.toLowerCase()}${kind.slice(1)}:${kind}`);

describe("a load balancer", () => {
  const plan: EntryPlan = { ...BASE, kind: "load-balancer" };

  it("hands on the three ports with a PROXY header, to nodes whose own HAProxy says that it is well", async () => {
    const services = made(await entry(plan), "LoadBalancerService");
    expect(services.map((r) => [r.name, r.inputs["listenPort"], r.inputs["destinationPort"]])).toEqual([
      ["entry-api", 6443, 6443],
      ["entry-http", 80, 80],
      ["entry-https", 443, 443],
    ]);
    for (const { inputs } of services) {
      expect(inputs).toMatchObject({
        protocol: "tcp",
        proxyprotocol: true,
        healthCheck: { protocol: "http", port: 8405, http: { path: "/healthz", statusCodes: ["200"] } },
      });
    }
  });

  it("has a silent node out within ten seconds, with no shorter interval than Hetzner takes", async () => {
    for (const { inputs } of made(await entry(plan), "LoadBalancerService")) {
      const { interval = 0, timeout = 0, retries = 0 } = inputs["healthCheck"] as Record<string, number>;
      expect(interval).toBeGreaterThanOrEqual(3);
      expect(timeout).toBeLessThan(interval);
      expect(interval * retries + timeout).toBeLessThanOrEqual(10);
    }
  });

  it("has the private address that HAProxy believes, and nodes by their private addresses once both are attached", async () => {
    const recording = await entry(plan);
    expect(made(recording, "LoadBalancerNetwork")[0]?.inputs).toMatchObject({
      ip: "10.0.1.5",
      subnetId: "7-10.0.1.0/24",
    });
    const targets = made(recording, "LoadBalancerTarget");
    expect(targets.map((r) => [r.name, r.inputs["serverId"], r.inputs["usePrivateIp"]])).toEqual([
      ["entry-n1", 101, true],
      ["entry-n2", 102, true],
    ]);
    expect(targets[1]?.dependsOn).toEqual(expect.arrayContaining(["entry-private", "n2-private"]));
    // A new server takes the name of the old one: the old target goes first.
    expect(targets.every((r) => r.deleteBeforeReplace)).toBe(true);
  });

  it("is protected with the stack, and keeps its address when the first node's location is edited", async () => {
    const [balancer] = made(await entry(plan, true), "LoadBalancer");
    expect(balancer).toMatchObject({
      protect: true,
      ignoreChanges: ["location"],
      inputs: { name: "gardenos-test", loadBalancerType: "lb11", location: "fsn1", deleteProtection: true },
    });
  });

  it("is where the API answers", async () => {
    expect((await entry(plan)).outputs).toMatchObject({ addresses: ["192.0.2.5"], apiHost: "192.0.2.5" });
  });
});

describe("DNS records", () => {
  it("lead to every node, in a zone that is there", async () => {
    const recording = await entry({ ...BASE, kind: "dns", dns: DNS });
    expect(made(recording, "Zone")).toEqual([]);
    expect(made(recording, "ZoneRrset").map((r) => r.inputs)).toEqual(
      ["k8s", "*"].map((name) => ({
        zone: "example.org",
        name,
        type: "A",
        ttl: 60,
        labels: { project: "gardenos" },
        records: [{ value: "198.51.100.11" }, { value: "198.51.100.12" }],
      })),
    );
    expect(recording.outputs).toMatchObject({
      addresses: ["198.51.100.11", "198.51.100.12"],
      apiHost: "k8s.example.org",
      name: "k8s.example.org",
    });
    expect(made(recording, "LoadBalancer")).toEqual([]);
  });

  it("or in a zone that is made first, and protected", async () => {
    const recording = await entry({ ...BASE, kind: "dns", dns: { ...DNS, createZone: true } }, true);
    expect(made(recording, "Zone")[0]).toMatchObject({
      protect: true,
      inputs: { name: "example.org", mode: "primary", deleteProtection: true },
    });
    expect(made(recording, "ZoneRrset")[0]?.dependsOn).toContain("entry-zone");
  });
});

it("without an entry nothing is made, and the first node is where the API answers", async () => {
  const recording = await entry({ ...BASE, kind: "none" });
  expect(recording.resources.filter((r) => r.type.startsWith("hcloud:"))).toEqual([]);
  expect(recording.outputs).toMatchObject({
    addresses: ["198.51.100.11", "198.51.100.12"],
    apiHost: "198.51.100.11",
  });
});
