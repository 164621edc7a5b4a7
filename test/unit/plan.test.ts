import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { fromNumber, toNumber } from "../../lib/cidr.ts";
import { parseManifest } from "../../plan/artifacts.ts";
import { makePlan, planWarnings, reservedAddresses } from "../../plan/plan.ts";
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

describe("addresses of nodes", () => {
  it("are accepted everywhere in the subnet but at its ends and the gateway", () => {
    const [first, last, gateway] = reservedAddresses("10.0.0.0/16", "10.0.0.0/24");
    fc.assert(
      fc.property(fc.integer({ min: toNumber("10.0.0.0"), max: toNumber("10.0.0.255") }), (n) => {
        const network = { subnetCidr: "10.0.0.0/24" };
        const nodes = { n1: { location: "fsn1", privateIp: fromNumber(n) } };
        const refused = problemsOf({ ...GOOD, nodes, network }).some((p) => p.field.endsWith("privateIp"));
        return refused === [first, last, gateway].includes(n);
      }),
    );
  });
});

describe("the artifact manifest", () => {
  const entry = { version: "3.6.16", url: "https://example.org/e.tar.gz", sha256: "a".repeat(64) };
  const parse = (value: unknown) => parseManifest("m.json", JSON.stringify(value));

  it("is version, address and checksum per artifact", () => {
    expect(parse({ etcd: entry })).toEqual({ manifest: { etcd: entry }, problems: [] });
  });

  it("is refused while a checksum is not pinned", () => {
    expect(parse({ etcd: { ...entry, sha256: null } }).problems).toEqual([
      {
        field: "m.json: etcd.sha256",
        got: null,
        want: "the SHA-256 of the download, pinned in this repository",
        fix: "npm run pin, then review and commit the file",
      },
    ]);
  });

  it.each([
    ["no artifact", {}, "m.json: etcd"],
    ["a checksum that is none", { etcd: { ...entry, sha256: "abc" } }, "m.json: etcd.sha256"],
    ["a file address", { etcd: { ...entry, url: "file:///e.tar.gz" } }, "m.json: etcd.url"],
    ["a list", [], "m.json: "],
  ])("with %s is refused", (_, value, field) => {
    const { manifest, problems } = parse(value);
    expect(manifest).toBeUndefined();
    expect(problems.map((p) => p.field)).toEqual([field]);
  });

  it("that is not JSON is refused", () => {
    expect(parseManifest("m.json", "{").problems).toMatchObject([
      { field: "m.json", got: "text that is not JSON" },
    ]);
  });
});
