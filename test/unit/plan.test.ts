import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { fromNumber, toNumber } from "../../lib/cidr.ts";
import { parseManifest } from "../../plan/artifacts.ts";
import { capacity, renderCapacity } from "../../plan/capacity.ts";
import { makePlan, planWarnings, reservedAddresses } from "../../plan/plan.ts";
import { INGRESS_HOST_PORTS, PORTS } from "../../plan/ports.ts";
import { GOOD, MANIFEST, problemsOf, settingsOf } from "../support/settings.ts";

const IDENTITY = { project: "gardenos", stack: "dev" };

describe("the plan", () => {
  it("names servers by project, stack and key, whatever the order in the file", () => {
    const { n1, n2, n3 } = GOOD.nodes;
    const plan = makePlan(IDENTITY, settingsOf({ ...GOOD, nodes: { n3, n1, n2 } }), MANIFEST);
    expect(Object.values(plan.nodes).map((node) => node.serverName)).toEqual([
      "gardenos-dev-n1",
      "gardenos-dev-n2",
      "gardenos-dev-n3",
    ]);
    expect(plan.servers.map((node) => node.key)).toEqual(["n1", "n2", "n3"]);
  });

  it("takes a node's own server type before the common one", () => {
    const nodes = { ...GOOD.nodes, n2: { ...GOOD.nodes.n2, serverType: "ccx23" } };
    const plan = makePlan(IDENTITY, settingsOf({ ...GOOD, nodes, serverType: "cpx32" }), MANIFEST);
    expect(Object.values(plan.nodes).map((node) => node.serverType)).toEqual(["cpx32", "ccx23", "cpx32"]);
  });

  it("leaves agents out of etcd", () => {
    const agent = { location: "fsn1", privateIp: "10.0.1.20", role: "agent" };
    const plan = makePlan(IDENTITY, settingsOf({ ...GOOD, nodes: { ...GOOD.nodes, w1: agent } }), MANIFEST);
    expect(Object.keys(plan.nodes)).toEqual(["n1", "n2", "n3", "w1"]);
    expect(plan.servers.map((node) => node.key)).toEqual(["n1", "n2", "n3"]);
  });

  it("derives zone, gateway and quota", () => {
    const plan = makePlan(IDENTITY, settingsOf(), MANIFEST);
    expect(plan.network).toMatchObject({ zone: "eu-central", gateway: "10.0.0.1" });
    expect(plan.etcd).toMatchObject({ quotaBytes: 4_294_967_296, allowNewCluster: "" });
  });
});

describe("etcd's timers", () => {
  const timers = (raw: Record<string, unknown>) => {
    const { heartbeatMs, electionMs } = makePlan(IDENTITY, settingsOf({ ...GOOD, ...raw }), MANIFEST).etcd;
    return [heartbeatMs, electionMs];
  };

  it("follow the distance between members, unless they are configured", () => {
    expect(timers({})).toEqual([100, 1000]);
    expect(timers({ topology: "eu-spread" })).toEqual([100, 1500]);
    expect(timers({ topology: "eu-spread", etcd: { electionMs: 3000 } })).toEqual([100, 3000]);
    expect(timers({ etcd: { heartbeatMs: 50 } })).toEqual([50, 1000]);
  });
});

describe("warnings", () => {
  it("are none for a sound stack", () => {
    expect(planWarnings(makePlan(IDENTITY, settingsOf(), MANIFEST))).toEqual([]);
  });

  it("speak of what is set and left out in a stack without Postgres", () => {
    const services = { api: { image: "ghcr.io/example/api:1" } };
    const warnings = (profile: string, more: object) =>
      planWarnings(makePlan(IDENTITY, settingsOf({ ...GOOD, ...more, profile }), MANIFEST));
    expect(warnings("kubernetes", { services })).toEqual([
      "gardenos:profile is kubernetes: services and Supabase of the settings are left out.",
    ]);
    expect(warnings("hosts", { supabase: { profile: "core" } })).toEqual([
      "gardenos:profile is hosts: services and Supabase of the settings are left out.",
    ]);
    expect(warnings("full", { services })).toEqual([]);
    expect(warnings("hosts", {})).toEqual([]);
  });

  it("speak of a single member and of a permission left in place", () => {
    const settings = settingsOf({
      ...GOOD,
      nodes: { n1: GOOD.nodes.n1 },
      etcd: { allowNewCluster: "1-2-3" },
    });
    expect(planWarnings(makePlan(IDENTITY, settings, MANIFEST))).toEqual([
      "etcd has 1 member: losing its node loses the cluster. Use 3 for anything but trying out.",
      "etcd.allowNewCluster is set. It is a one-time permission: remove it after this run.",
    ]);
  });
});

describe("Kubernetes", () => {
  const plan = (raw: Record<string, unknown> = {}) =>
    makePlan(IDENTITY, settingsOf({ ...GOOD, ...raw }), MANIFEST);

  it("has the addresses that K3s takes from the service network", () => {
    expect(plan().k3s).toMatchObject({
      kubernetesVersion: "1.36.5",
      apiServiceIp: "10.43.0.1",
      dnsIp: "10.43.0.10",
      cis: false,
    });
    expect(plan({ environment: "prod" }).k3s.cis).toBe(true);
    expect(plan({ environment: "prod", k3s: { cis: false } }).k3s.cis).toBe(false);
  });

  it("has a load balancer at the fifth address of the subnet, unless told otherwise", () => {
    expect(plan().entry).toEqual({
      kind: "load-balancer",
      location: "fsn1",
      loadBalancerType: "lb11",
      privateIp: "10.0.1.5",
    });
    expect(plan({ entry: { privateIp: "10.0.1.99" } }).entry.privateIp).toBe("10.0.1.99");
  });
});

describe("the entry", () => {
  const entry = { kind: "dns", zone: "example.org", createZone: true, ttlSeconds: 120 };

  it("by DNS has records of its own", () => {
    expect(makePlan(IDENTITY, settingsOf({ ...GOOD, entry }), MANIFEST).entry.dns).toEqual({
      zone: "example.org",
      createZone: true,
      apiName: "k8s",
      ingressName: "*",
      ttlSeconds: 120,
    });
  });

  it("says when its controller stops only if the controller is ours", () => {
    const ping = (raw: Record<string, unknown>) =>
      makePlan(IDENTITY, settingsOf({ ...GOOD, ...raw }), MANIFEST).ingressBackends;
    expect(ping({})).toEqual({ ping: true });
    expect(ping({ ingress: { class: "none" } })).toEqual({ ping: false });
    expect(ping({ profile: "kubernetes" })).toBeUndefined();
  });
});

describe("memory", () => {
  const names = (raw: Record<string, unknown>) =>
    capacity(settingsOf({ ...GOOD, ...raw }))?.rows.map(({ name }) => name);

  it("is asked for by what the profile and the ingress bring", () => {
    expect(names({ profile: "hosts" })).toEqual([]);
    expect(names({ profile: "kubernetes" })).toEqual(["coredns"]);
    expect(names({})).toContain("traefik");
    expect(names({ ingress: { class: "none" } })).not.toContain("traefik");
  });

  it("of a single node is that node's: there is no other to fall back to", () => {
    const found = capacity(settingsOf({ ...GOOD, nodes: { n1: GOOD.nodes.n1 } }));
    expect(found?.availableMib).toBe(8192 - 512 - 1536 - 100);
  });

  it("is counted without the largest node, and without what system and Kubernetes need", () => {
    const nodes = { ...GOOD.nodes, n3: { ...GOOD.nodes.n3, serverType: "ccx33" } };
    const found = capacity(settingsOf({ ...GOOD, nodes }));
    expect(found?.availableMib).toBe(2 * (8192 - 512 - 1536 - 100));
    expect(found?.rows.find((row) => row.name === "traefik")).toEqual({
      name: "traefik",
      pods: "2 × 128",
      mib: 256,
    });
    expect(found?.fits).toBe(true);
  });

  it("has room for each pod on one node", () => {
    const raw = {
      ...GOOD,
      services: { api: { image: "ghcr.io/example/api:1", memory: "7Gi", replicas: 1 } },
    };
    expect(problemsOf(raw)).toEqual([
      {
        field: "gardenos:serverType",
        got: "cx33, and api with 7168 MiB a pod",
        want: "room for each pod on one node: the largest that is left when one node is lost has 6044 MiB",
        fix: "use a server type with more memory for two nodes or more, or lower the memory of api",
      },
    ]);
    const large = { ...GOOD.nodes.n3, serverType: "ccx33" };
    expect(problemsOf({ ...raw, nodes: { ...GOOD.nodes, n3: large } })).toHaveLength(1);
    expect(
      problemsOf({ ...raw, nodes: { ...GOOD.nodes, n2: { ...large, privateIp: "10.0.1.12" }, n3: large } }),
    ).toEqual([]);
  });

  it("of an unknown server type is not guessed", () => {
    expect(capacity(settingsOf({ ...GOOD, serverType: "cx99" }))).toBeUndefined();
    const warnings = (profile: string) =>
      planWarnings(makePlan(IDENTITY, settingsOf({ ...GOOD, serverType: "cx99", profile }), MANIFEST));
    expect(warnings("full")).toEqual([
      "The memory of cx99 is not known here: nobody has checked whether all pods fit when a node is lost.",
    ]);
    expect(warnings("hosts")).toEqual([]);
  });

  it("is told as a table that adds up", () => {
    const found = capacity(settingsOf({ ...GOOD, profile: "kubernetes" }));
    expect(found && renderCapacity(found)).toBe(
      [
        "Memory that pods ask for when one node is lost, and 12088 MiB that are left then:",
        "  coredns   2 × 70     140 MiB",
        "  together             140 MiB",
      ].join("\n"),
    );
  });
});

it("no two things listen on the same port", () => {
  const taken = Object.values(PORTS).map(({ port, protocol }) => `${port}/${protocol}`);
  const all = [...taken, ...Object.values(INGRESS_HOST_PORTS).map((port) => `${port}/tcp`)];
  expect(new Set(all).size).toBe(all.length);
});

describe("addresses of nodes", () => {
  it("are accepted everywhere in the subnet but at its ends and the gateway", () => {
    const [first, last, gateway] = reservedAddresses("10.0.0.0/16", "10.0.0.0/24");
    fc.assert(
      fc.property(fc.integer({ min: toNumber("10.0.0.0"), max: toNumber("10.0.0.255") }), (n) => {
        const network = { subnetCidr: "10.0.0.0/24" };
        const nodes = { n1: { location: "fsn1", privateIp: fromNumber(n) } };
        const refused = problemsOf({ ...GOOD, nodes, network, entry: { kind: "none" } }).some((p) =>
          p.field.endsWith("privateIp"),
        );
        return refused === [first, last, gateway].includes(n);
      }),
    );
  });
});

describe("the artifact manifest", () => {
  const parse = (change: object) => parseManifest("m.json", JSON.stringify({ ...MANIFEST, ...change }));

  it("is version, address and checksum per artifact, and a reference with digest per image", () => {
    expect(parse({})).toEqual({ manifest: MANIFEST, problems: [] });
  });

  it("is refused while a checksum or a digest is not pinned", () => {
    const images = { ...MANIFEST.images, traefik: "docker.io/library/traefik:v3.6.12" };
    const pinned = (field: string) => ({
      field,
      got: null,
      want: "the SHA-256 of the download, pinned in this repository",
      fix: "npm run pin, then review and commit the file",
    });
    expect(parse({ etcd: { ...MANIFEST.etcd, sha256: null }, images }).problems).toEqual([
      pinned("m.json: etcd.sha256"),
      pinned("m.json: images.traefik"),
    ]);
  });

  it.each([
    ["no artifact", { k3s: undefined }, "m.json: k3s"],
    ["a checksum that is none", { etcd: { ...MANIFEST.etcd, sha256: "abc" } }, "m.json: etcd.sha256"],
    ["a file address", { etcd: { ...MANIFEST.etcd, url: "file:///e.tar.gz" } }, "m.json: etcd.url"],
    [
      "an image without a tag",
      { images: { ...MANIFEST.images, busybox: "busybox" } },
      "m.json: images.busybox",
    ],
  ])("with %s is refused", (_, change, field) => {
    const { manifest, problems } = parse(change);
    expect(manifest).toBeUndefined();
    expect(problems.map((p) => p.field)).toEqual([field]);
  });

  it("that is not JSON is refused", () => {
    expect(parseManifest("m.json", "{").problems).toMatchObject([
      { field: "m.json", got: "text that is not JSON" },
    ]);
  });
});
