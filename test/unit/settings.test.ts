import { describe, expect, it } from "vitest";
import { rawSettings } from "../../config/parse.ts";
import { checkManifest, checkSettings } from "../../plan/checks.ts";
import { GOOD, MANIFEST, problemsOf, settingsOf } from "../support/settings.ts";

/** Field → want of every problem, the two parts that tell them apart. */
const found = (raw: Record<string, unknown>) =>
  Object.fromEntries(problemsOf({ ...GOOD, ...raw }).map((p) => [p.field, p.want]));

const node = (changes: Record<string, unknown>) => ({ ...GOOD.nodes, n2: { ...GOOD.nodes.n2, ...changes } });

describe("a good configuration", () => {
  it("has no problems, and defaults for everything left out", () => {
    expect(problemsOf(GOOD)).toEqual([]);
    expect(settingsOf()).toMatchObject({
      environment: "dev",
      topology: "single-zone",
      serverType: "cx33",
      image: "debian-13",
      network: {
        cidr: "10.0.0.0/16",
        subnetCidr: "10.0.1.0/24",
        podCidr: "10.42.0.0/16",
        serviceCidr: "10.43.0.0/16",
      },
      etcd: { version: "3.6.16", quota: "4Gi" },
      artifacts: { manifest: "artifacts/upstream.json" },
      protect: true,
      lab: { artifacts: "built" },
    });
  });

  it("may spread over the three European locations", () => {
    const locations = ["fsn1", "nbg1", "hel1"];
    const nodes = Object.fromEntries(
      Object.entries(GOOD.nodes).map(([key, value], i) => [key, { ...value, location: locations[i] }]),
    );
    expect(found({ nodes, topology: "eu-spread" })).toEqual({});
  });
});

describe("nodes", () => {
  it.each([
    [
      "unknown location",
      { location: "fsn9" },
      "nodes.n2.location",
      "a Hetzner location: fsn1, nbg1, hel1, ash, hil, sin",
    ],
    [
      "no address",
      { privateIp: "10.0.1" },
      "nodes.n2.privateIp",
      "an IPv4 address of the subnet, such as 10.0.1.11",
    ],
    [
      "another's address",
      { privateIp: "10.0.1.11" },
      "nodes.n2.privateIp",
      "an address of its own: n1 has this one",
    ],
    [
      "an address outside the subnet",
      { privateIp: "10.0.2.12" },
      "nodes.n2.privateIp",
      "an address of 10.0.1.0/24 that is neither its first, its last nor the gateway",
    ],
    [
      "the broadcast address",
      { privateIp: "10.0.1.255" },
      "nodes.n2.privateIp",
      "an address of 10.0.1.0/24 that is neither its first, its last nor the gateway",
    ],
    [
      "an Arm type",
      { serverType: "cax11" },
      "nodes.n2.serverType",
      "an x86 type: the artifacts are built for amd64 only",
    ],
    [
      "a type that is none",
      { serverType: "big" },
      "nodes.n2.serverType",
      "a Hetzner server type such as cx33",
    ],
    ["a role that is none", { role: "master" }, "nodes.n2.role", "server or agent"],
    ["a misspelt key", { loaction: "fsn1" }, "nodes.n2.loaction", "no such key"],
    [
      "a label that Hetzner refuses",
      { labels: { a: "ä" } },
      "nodes.n2.labels.a",
      "a label value of at most 63 letters, digits, '-', '_' or '.'",
    ],
  ])("with %s are refused", (_, change, field, want) => {
    expect(found({ nodes: node(change) })).toEqual({ [`gardenos:${field}`]: want });
  });

  it("must be an odd number of servers", () => {
    const { n1, n2 } = GOOD.nodes;
    expect(problemsOf({ ...GOOD, nodes: { n1, n2 } })).toEqual([
      {
        field: "gardenos:nodes",
        got: "2 servers",
        want: "an odd number of nodes with role server: an even one survives no more losses and splits in half",
        fix: "use 3 servers (or 1 to try things out)",
      },
    ]);
  });

  it("are counted once where there are none", () => {
    expect(Object.keys(found({ nodes: {} }))).toEqual(["gardenos:nodes"]);
  });

  it("have names that are host names", () => {
    const { n1, n2, n3 } = GOOD.nodes;
    expect(found({ nodes: { n1, n2, "N-3": n3 } })).toEqual({
      "gardenos:nodes.N-3": "a name of at most 15 lower-case letters and digits that starts with a letter",
    });
  });

  it("must be there", () => {
    expect(problemsOf({ adminCidrs: GOOD.adminCidrs })).toEqual([
      {
        field: "gardenos:nodes",
        got: undefined,
        want: "a map of node names to nodes",
        fix: "pulumi config set --path 'gardenos:nodes' <value>",
      },
    ]);
  });
});

describe("topology", () => {
  const at = (...locations: string[]) =>
    Object.fromEntries(
      Object.entries(GOOD.nodes).map(([key, value], i) => [key, { ...value, location: locations[i] }]),
    );

  it.each([
    [
      "a private network across zones",
      { topology: "eu-spread", nodes: at("fsn1", "nbg1", "ash") },
      "locations of one network zone: a Hetzner private network can't cross zones",
    ],
    ["two locations under single-zone", { nodes: at("fsn1", "fsn1", "nbg1") }, "one location for all nodes"],
    [
      "the mesh, which is not there yet",
      { topology: "multi-zone", nodes: at("ash", "ash", "hil") },
      "single-zone or eu-spread: the WireGuard mesh of multi-zone is not part of this release",
    ],
    [
      "eu-spread in America",
      { topology: "eu-spread", nodes: at("ash", "ash", "ash") },
      "fsn1, nbg1 and hel1",
    ],
    ["a name that is none", { topology: "star" }, "single-zone, eu-spread or multi-zone"],
  ])("refuses %s", (_, change, want) => {
    expect(found(change)).toEqual({ "gardenos:topology": want });
  });
});

describe("networks", () => {
  it.each([
    [
      "a mask that is none",
      { cidr: "10.0.0.0/33" },
      { cidr: "an IPv4 network with zero host bits, such as 10.0.0.0/16" },
    ],
    [
      "a public network",
      { cidr: "198.51.0.0/16", subnetCidr: "198.51.1.0/24" },
      { cidr: "a private network (RFC 1918)" },
    ],
    ["a subnet elsewhere", { subnetCidr: "10.9.1.0/24" }, { subnetCidr: "a part of 10.0.0.0/16" }],
    [
      "Hetzner's gateway inside",
      { cidr: "172.31.0.0/16", subnetCidr: "172.31.2.0/24" },
      { cidr: "a network without 172.31.1.1, Hetzner's public gateway" },
    ],
    [
      "pods over nodes",
      { podCidr: "10.0.128.0/17" },
      { podCidr: "a network apart from network.cidr (10.0.0.0/16)" },
    ],
    [
      "services over pods",
      { serviceCidr: "10.42.0.0/16" },
      { serviceCidr: "a network apart from network.podCidr (10.42.0.0/16)" },
    ],
    ["a network too small", { cidr: "10.0.1.0/25", subnetCidr: "10.0.1.0/28" }, { cidr: "a /24 or larger" }],
    ["a subnet too small", { subnetCidr: "10.0.1.8/29" }, { subnetCidr: "a /28 or larger: nodes need room" }],
  ])("with %s are refused", (_, change, wants) => {
    const fields = Object.entries(found({ network: change })).filter(([field]) => field.includes("network."));
    expect(Object.fromEntries(fields)).toEqual(
      Object.fromEntries(Object.entries(wants).map(([key, want]) => [`gardenos:network.${key}`, want])),
    );
  });
});

describe("administrators", () => {
  it("must be named, because the program comes from there", () => {
    expect(problemsOf({ nodes: GOOD.nodes })).toEqual([
      {
        field: "gardenos:adminCidrs",
        got: [],
        want: "the networks that may reach SSH; the program itself comes from there",
        fix: "pulumi config set --path 'gardenos:adminCidrs[0]' 203.0.113.10/32",
      },
    ]);
  });

  it("are not the whole world in prod", () => {
    expect(found({ adminCidrs: ["0.0.0.0/0"], environment: "prod" })).toEqual({
      "gardenos:adminCidrs": "no world-wide access in prod",
    });
    expect(found({ adminCidrs: ["0.0.0.0/0"] })).toEqual({});
  });

  it("are networks", () => {
    expect(found({ adminCidrs: ["203.0.113.10"] })).toEqual({
      "gardenos:adminCidrs[0]": "an IPv4 network such as 203.0.113.10/32",
    });
  });

  it("bring real keys", () => {
    expect(found({ ssh: { authorizedKeys: { eve: "hello" } } })).toEqual({
      "gardenos:ssh.authorizedKeys.eve":
        "an OpenSSH public key (`ssh-ed25519 AAAA… name`) or the path of a .pub file",
    });
  });
});

describe("etcd", () => {
  it.each([
    [{ version: "3.6.13" }, "version", "3.6.14 or newer: older ones leak across users of a shared etcd"],
    [{ version: "3.5.33" }, "version", "3.6.14 or newer: older ones leak across users of a shared etcd"],
    [{ version: "3.7.2" }, "version", "a 3.6 release, the line tested here"],
    [{ version: "latest" }, "version", "a version such as 3.6.16"],
    [{ quota: "4GB" }, "quota", "a size such as 4Gi or 512Mi"],
    [{ quota: "9Gi" }, "quota", "from 256Mi, room for Kubernetes at rest, to 8Gi, etcd's suggested maximum"],
    [{ quota: "5Mi" }, "quota", "from 256Mi, room for Kubernetes at rest, to 8Gi, etcd's suggested maximum"],
    [{ electionMs: 400 }, "electionMs", "at least five heartbeats (500), or etcd refuses to start"],
    [{ heartbeatMs: 1 }, "heartbeatMs", "a whole number of milliseconds from 10 to 10000"],
  ])("with %j is refused", (etcd, key, want) => {
    expect(found({ etcd })).toEqual({ [`gardenos:etcd.${key}`]: want });
  });

  it("has the version that the manifest offers", () => {
    const settings = settingsOf({ ...GOOD, etcd: { version: "3.6.14" } });
    expect(checkManifest(settings, MANIFEST)).toEqual([
      {
        field: "gardenos:etcd.version",
        got: "3.6.14",
        want: "3.6.16, the version that artifacts/upstream.json offers",
        fix: "change etcd.version, or put the version with its SHA-256 into the manifest",
      },
    ]);
    expect(checkManifest(settingsOf(), MANIFEST)).toEqual([]);
    expect(checkManifest(settingsOf(), undefined)).toEqual([]);
  });
});

it("a package source has an address", () => {
  expect(found({ apt: { uri: "ftp://x", suite: "s", components: [], keyFile: "k" } })).toEqual({
    "gardenos:apt.uri": "an http or https address, without user, password, query and fragment",
    "gardenos:apt.components": "at least one component",
  });
});

it("unknown keys are named, with the keys there are", () => {
  expect(problemsOf({ ...GOOD, notes: {} })).toEqual([
    {
      field: "gardenos:notes",
      got: "a value that is not shown",
      want: "one of adminCidrs, ai, apt, artifacts, domain, entry, environment, etcd, haproxy, image, ingress, k3s, lab, network, nodes, pgbouncer, postgres, profile, protect, serverType, services, ssh, supabase, tls, topology",
      fix: "pulumi config rm gardenos:notes",
    },
  ]);
});

it("ten mistakes are ten problems of one run", () => {
  const problems = problemsOf({
    environment: "staging",
    topology: "ring",
    serverType: 4,
    protect: "yes",
    adminCidrs: ["everywhere"],
    network: { cidr: "10.0.0.1/16", podCidr: "10.42.0.0" },
    etcd: { quota: "lots", version: "3.4.0" },
    nodes: {
      n1: { location: "fsn1", privateIp: "10.0.1.11" },
      n2: { location: "moon", privateIp: "10.0.1.12" },
    },
    colour: "green",
  });
  expect(problems.map((p) => p.field).sort()).toEqual([
    "gardenos:adminCidrs[0]",
    "gardenos:colour",
    "gardenos:environment",
    "gardenos:etcd.quota",
    "gardenos:network.cidr",
    "gardenos:network.podCidr",
    "gardenos:nodes.n2.location",
    "gardenos:protect",
    "gardenos:serverType",
    "gardenos:topology",
  ]);
  for (const problem of problems) expect(problem.fix).not.toBe("");
});

it("checks skip what the schema has already refused", () => {
  expect(checkSettings({}, { project: "p", stack: "s" })).toEqual([]);
});

it("values come as text or JSON, and broken JSON stays text for the schema to refuse", () => {
  const config = {
    "gardenos:image": "debian-13",
    "gardenos:protect": "false",
    "gardenos:adminCidrs": '["203.0.113.10/32"]',
    "gardenos:etcd": "{quota",
    "hcloud:token": "secret",
  };
  expect(rawSettings(config)).toEqual({
    image: "debian-13",
    protect: false,
    adminCidrs: ["203.0.113.10/32"],
    etcd: "{quota",
  });
});

describe("Kubernetes", () => {
  it.each([
    [
      "another minor",
      "v1.38.0+k3s1",
      "a v1.36 release, the line tested here: upgrades go one minor at a time",
    ],
    ["an old patch", "v1.36.0+k3s1", "v1.36.3 or newer: older supervisors answer anonymous callers"],
    ["no version", "latest", "a K3s release such as v1.36.5+k3s1"],
  ])("refuses %s", (_, version, want) => {
    expect(found({ k3s: { version } })).toEqual({ "gardenos:k3s.version": want });
  });

  it("refuses an ingress class that nobody serves", () => {
    expect(found({ ingress: { class: "nginx" } })).toEqual({
      "gardenos:ingress.class":
        "traefik, or none to bring another controller (ingress-nginx is retired since March 2026)",
    });
  });

  it.each([
    ["a node's", "10.0.1.12", "an address of its own: node n2 has this one"],
    [
      "one outside",
      "10.0.2.5",
      "an address of 10.0.1.0/24 that is neither its first, its last nor the gateway",
    ],
  ])("refuses %s address for the load balancer", (_, privateIp, want) => {
    expect(found({ entry: { privateIp } })).toEqual({ "gardenos:entry.privateIp": want });
  });

  it("wants a zone for DNS records", () => {
    expect(found({ entry: { kind: "dns" } })).toEqual({
      "gardenos:entry.zone": "the zone at Hetzner DNS that the records go to",
    });
    expect(found({ entry: { kind: "dns", zone: "example.org" } })).toEqual({});
  });

  it("refuses one name for the API and the ingress", () => {
    const entry = { kind: "dns", zone: "example.org", apiName: "k8s", ingressName: "k8s" };
    expect(found({ entry })).toEqual({
      "gardenos:entry.ingressName":
        "a name other than entry.apiName: the API and the ingress have records of their own",
    });
  });

  it("refuses what does not fit when a node is lost, with the sums", () => {
    expect(found({ serverType: "cpx21", ingress: { memory: "2Gi" } })).toEqual({
      "gardenos:serverType":
        "room for 6804 MiB of requests when one node is lost, and there are 3896 MiB " +
        "(coredns 2 × 70, metrics-server 2 × 100, local-path-provisioner 1 × 64, postgres-lb 2 × 64, " +
        "postgres 2 × 1024, pgbouncer 2 × 64, traefik 2 × 2048)",
    });
  });

  it("refuses node labels that Kubernetes keeps for itself", () => {
    expect(found({ nodes: node({ nodeLabels: { "node.kubernetes.io/x": "y" } }) })).not.toEqual({});
    expect(found({ nodes: node({ nodeLabels: { "example.org/workload": "data" } }) })).toEqual({});
  });
});
