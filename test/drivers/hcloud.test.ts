/** The driver against the lab's own cloud: the program's resources, from create to delete. */
import { describe, expect, it, vi } from "vitest";
import { tls } from "../../lab/drivers/tls/index.ts";
import type { Properties } from "../../lab/engine/driver.ts";
import { contextFor } from "./support/context.ts";
import {
  byHand,
  change,
  check,
  context,
  find,
  hcloud,
  type Made,
  make,
  read,
  remove,
  theCloud,
  theMachines,
  token,
} from "./support/hcloud.ts";

const labels = { project: "gardenos" };
const network = { name: "lab", ipRange: "10.0.0.0/16", labels };
const firewall = {
  name: "lab",
  labels,
  rules: [
    {
      direction: "in",
      protocol: "tcp",
      port: "22",
      sourceIps: ["203.0.113.10/32", "203.0.113.0/24"],
      description: "ssh",
    },
    { direction: "in", protocol: "icmp", sourceIps: ["0.0.0.0/0"] },
  ],
};

async function makeKey(): Promise<Made> {
  const key = await tls.create(contextFor("tls:index/privateKey:PrivateKey"), { algorithm: "ED25519" });
  const publicKey = String(key.outputs["publicKeyOpenssh"]).trim();
  return make("SshKey", { name: "lab-deploy", publicKey, labels });
}

async function makeShared() {
  const net = await make("Network", network);
  const networkId = Number(net.id);
  return {
    key: await makeKey(),
    net,
    subnet: await make("NetworkSubnet", {
      networkId,
      type: "cloud",
      networkZone: "eu-central",
      ipRange: "10.0.1.0/24",
    }),
    wall: await make("Firewall", firewall),
    group: await make("PlacementGroup", { name: "lab", type: "spread", labels }),
  };
}
type Shared = Awaited<ReturnType<typeof makeShared>>;

const serverInputs = ({ key, wall, group }: Shared, more: Properties = {}): Properties => ({
  name: "lab-n1",
  serverType: "cx23",
  image: "debian-13",
  location: "fsn1",
  sshKeys: [key.id],
  userData: "#cloud-config\n",
  firewallIds: [Number(wall.id)],
  placementGroupId: Number(group.id),
  publicNets: [{ ipv4Enabled: true, ipv6Enabled: false }],
  labels,
  ...more,
});

describe("create", () => {
  it("answers the real provider's ids and outputs", async () => {
    const { key, net, subnet, wall, group } = await makeShared();
    expect(key.outputs).toEqual({
      ...key.inputs,
      id: key.id,
      fingerprint: expect.stringMatching(/^([0-9a-f]{2}:?){16}$/),
    });
    expect(net.outputs).toEqual({
      ...network,
      id: net.id,
      deleteProtection: false,
      exposeRoutesToVswitch: false,
    });
    expect(subnet.id).toBe(`${net.id}-10.0.1.0/24`);
    expect(subnet.outputs).toMatchObject({ networkId: Number(net.id), gateway: "10.0.0.1", id: subnet.id });
    const [ssh, icmp] = firewall.rules;
    expect(wall.outputs).toEqual({
      name: "lab",
      labels,
      id: wall.id,
      applyTos: [],
      rules: [
        { ...ssh, destinationIps: [] },
        { ...icmp, destinationIps: [], port: "", description: "" },
      ],
    });
    expect(group.outputs).toEqual({ name: "lab", labels, id: group.id, type: "spread", servers: [] });
  });

  it("makes a server with key, user-data, firewall and group, and attaches it", async () => {
    const shared = await makeShared();
    const server = await make(
      "Server",
      serverInputs(shared, { deleteProtection: true, rebuildProtection: true }),
    );
    expect(server.outputs).toMatchObject({
      id: server.id,
      status: "running",
      image: "debian-13",
      location: "fsn1",
      serverType: "cx23",
      ipv4Address: expect.stringMatching(/^198\.51\.100\./),
      firewallIds: [Number(shared.wall.id)],
      placementGroupId: Number(shared.group.id),
      deleteProtection: true,
      rebuildProtection: true,
      // The SHA-1 of it in base64, as in Terraform's state.
      userData: "wK9leoEi2xH7hUH5D+q3hxwsPXE=",
    });
    expect(theMachines().specs.get(Number(server.id))).toMatchObject({
      name: "lab-n1",
      image: "debian-13",
      userData: "#cloud-config\n",
      sshKeys: [shared.key.inputs["publicKey"]],
    });
    const place = await make("ServerNetwork", {
      serverId: Number(server.id),
      subnetId: shared.subnet.id,
      ip: "10.0.1.1",
    });
    expect(place.id).toBe(`${server.id}-${shared.net.id}`);
    expect(place.outputs).toMatchObject({
      ip: "10.0.1.1",
      networkId: Number(shared.net.id),
      subnetId: shared.subnet.id,
      aliasIps: [],
      macAddress: expect.stringMatching(/^([0-9a-f]{2}:?){6}$/),
    });
  });

  it.each([
    [
      { serverType: "cx1" },
      "hcloud: there is no server type cx1: choose one of hetzner.com/cloud in the config",
    ],
    [{ image: "plan-9" }, "hcloud: there is no image plan-9 for x86: choose another in the config"],
    [{ sshKeys: ["nobody"] }, "hcloud: there is no SSH key nobody in the project"],
  ])("says what is not there: %o", async (more, message) => {
    await expect(make("Server", serverInputs(await makeShared(), more))).rejects.toThrow(message);
  });
});

describe("changes", () => {
  it("of name, labels, rules and protection are made in place", async () => {
    const shared = await makeShared();
    const renamed = { name: "lab2", labels: { a: "b" } };
    expect((await change("SshKey", shared.key, { ...shared.key.inputs, ...renamed })).outputs).toMatchObject(
      renamed,
    );
    const protectedNet = { ...network, ...renamed, deleteProtection: true };
    expect((await change("Network", shared.net, protectedNet)).outputs).toMatchObject({
      ...renamed,
      deleteProtection: true,
    });
    const rules = [{ direction: "in", protocol: "udp", port: "51820", sourceIps: ["0.0.0.0/0"] }];
    expect((await change("Firewall", shared.wall, { ...firewall, rules })).outputs["rules"]).toMatchObject(
      rules,
    );
  });

  it("of the order of rules or addresses, and defaults written out, are none", async () => {
    const wall = await make("Firewall", firewall);
    const rules = firewall.rules
      .map((rule) => ({ ...rule, sourceIps: rule.sourceIps.toReversed() }))
      .toReversed();
    expect(hcloud.diff?.(token("Firewall"), wall, check("Firewall", { ...firewall, rules })).changed).toEqual(
      [],
    );
    const net = await make("Network", network);
    const news = check("Network", { ...network, deleteProtection: false });
    expect(hcloud.diff?.(token("Network"), net, news).changed).toEqual([]);
  });

  it("of a server's type power-cycle it; firewalls come and go", async () => {
    const shared = await makeShared();
    const server = await make("Server", serverInputs(shared));
    const other = await make("Firewall", { ...firewall, name: "other" });
    const news = serverInputs(shared, { serverType: "cx33", firewallIds: [Number(other.id)] });
    const changed = await change("Server", server, news);
    expect(changed.outputs).toMatchObject({ serverType: "cx33", firewallIds: [Number(other.id)] });
  });

  it.each([
    [
      "Server",
      { location: "a", image: "a", userData: "a", sshKeys: [] },
      { location: "b", image: "b", userData: "b", sshKeys: ["1"] },
    ],
    ["SshKey", { publicKey: "a" }, { publicKey: "b" }],
    ["Network", { ipRange: "10.0.0.0/16" }, { ipRange: "10.0.0.0/17" }],
    ["NetworkSubnet", { ipRange: "10.0.1.0/24", type: "cloud" }, { ipRange: "10.0.2.0/24", type: "server" }],
    ["ServerNetwork", { serverId: 1, ip: "10.0.1.1" }, { serverId: 2, ip: "10.0.1.2" }],
  ] as const)("that replace a %s", (kind, inputs, news) => {
    const keys = Object.keys(news).sort();
    expect(hcloud.diff?.(token(kind), { inputs, outputs: {} }, news)).toEqual({
      changed: keys,
      replace: keys,
    });
  });

  it("of placementGroupId are refused for a server that exists", async () => {
    const shared = await makeShared();
    const server = await make("Server", serverInputs(shared));
    const { placementGroupId: _, ...news } = serverInputs(shared);
    await expect(change("Server", server, news)).rejects.toThrow(
      "Server: the lab's driver can't change placementGroupId: destroy the server and make it again",
    );
  });
});

describe("refresh", () => {
  it("changes nothing when nothing has changed", async () => {
    const shared = await makeShared();
    const server = await make("Server", serverInputs(shared));
    const place = await make("ServerNetwork", {
      serverId: Number(server.id),
      subnetId: shared.subnet.id,
      ip: "10.0.1.1",
    });
    const all = [
      ["SshKey", shared.key],
      ["Network", shared.net],
      ["NetworkSubnet", shared.subnet],
      ["Server", server],
      ["ServerNetwork", place],
    ] as const;
    for (const [kind, made] of all) expect(await read(kind, made)).toEqual(made);
  });

  it("shows what was changed by hand, as inputs too, so that the next run puts it right", async () => {
    const shared = await makeShared();
    const server = await make("Server", serverInputs(shared));
    await byHand("PUT", `/servers/${server.id}`, { labels: { mine: "yes" } });
    await byHand("POST", `/servers/${server.id}/actions/change_protection`, { delete: true, rebuild: true });
    await byHand("POST", `/servers/${server.id}/actions/poweroff`);
    await byHand("POST", `/firewalls/${shared.wall.id}/actions/set_rules`, { rules: [] });
    const seen = await read("Server", server);
    expect(seen?.outputs).toMatchObject({ status: "off" });
    expect(seen?.inputs).toEqual({
      ...server.inputs,
      labels: { mine: "yes" },
      deleteProtection: true,
      rebuildProtection: true,
    });
    const drift = hcloud.diff?.(token("Server"), { inputs: seen?.inputs ?? {}, outputs: {} }, server.inputs);
    expect(drift).toEqual({ changed: ["deleteProtection", "labels", "rebuildProtection"], replace: [] });
    expect((await read("Firewall", shared.wall))?.inputs).toMatchObject({ rules: [] });
  });

  it("finds out what is gone, an attachment with its server", async () => {
    const shared = await makeShared();
    const server = await make("Server", serverInputs(shared));
    const place = await make("ServerNetwork", {
      serverId: Number(server.id),
      subnetId: shared.subnet.id,
      ip: "10.0.1.1",
    });
    await byHand("POST", `/servers/${server.id}/actions/detach_from_network`, {
      network: Number(shared.net.id),
    });
    expect(await read("ServerNetwork", place)).toBeUndefined();
    await byHand("DELETE", `/servers/${server.id}`);
    await byHand("DELETE", `/ssh_keys/${shared.key.id}`);
    await byHand("DELETE", `/networks/${shared.net.id}`);
    for (const [kind, made] of [
      ["Server", server],
      ["ServerNetwork", place],
      ["SshKey", shared.key],
      ["Network", shared.net],
      ["NetworkSubnet", shared.subnet],
    ] as const)
      expect(await read(kind, made)).toBeUndefined();
  });
});

describe("after an interrupted create", () => {
  it("finds what is there by its name or its place, and nothing when it is not", async () => {
    const shared = await makeShared();
    const server = await make("Server", serverInputs(shared));
    const placeInputs = { serverId: Number(server.id), subnetId: shared.subnet.id, ip: "10.0.1.1" };
    expect(await find("ServerNetwork", placeInputs)).toBeUndefined();
    const place = await make("ServerNetwork", placeInputs);
    expect((await find("SshKey", shared.key.inputs))?.id).toBe(shared.key.id);
    expect((await find("Network", network))?.id).toBe(shared.net.id);
    expect((await find("NetworkSubnet", shared.subnet.inputs))?.id).toBe(shared.subnet.id);
    expect((await find("ServerNetwork", placeInputs))?.id).toBe(place.id);
    expect(await find("Server", serverInputs(shared))).toEqual({ id: server.id, outputs: server.outputs });
    for (const [kind, news] of [
      ["SshKey", { ...shared.key.inputs, name: "x" }],
      ["Network", { ...network, name: "x" }],
      ["Server", serverInputs(shared, { name: "x" })],
      ["NetworkSubnet", { ...shared.subnet.inputs, ipRange: "10.0.9.0/24" }],
    ] as const)
      expect(await find(kind, news)).toBeUndefined();
  });

  it("leaves another network of the same name alone", async () => {
    await make("Network", network);
    expect(await find("Network", { ...network, ipRange: "10.9.0.0/16" })).toBeUndefined();
  });

  it("waits for a server that is still being made, and protects it", async () => {
    const shared = await makeShared();
    let release = (): void => {};
    theMachines().hold = new Promise((resolve) => {
      release = resolve;
    });
    const inputs = serverInputs(shared, { deleteProtection: true, rebuildProtection: true });
    const ctx = context("Server");
    const interrupted = hcloud.create(ctx, check("Server", inputs));
    const outcome = expect(interrupted).rejects.toThrow("killed");
    await vi.waitUntil(() => theCloud().servers().length === 1, 5_000);
    ctx.abort.abort(new Error("killed"));
    await outcome;
    const lookups = () =>
      theCloud()
        .requests()
        .find(({ method, path }) => method === "GET" && path === "/servers/{id}")?.count ?? 0;
    expect(lookups()).toBe(0);
    const finding = find("Server", inputs);
    await vi.waitUntil(() => lookups() >= 2, 5_000).finally(release);
    expect((await finding)?.outputs).toMatchObject({ status: "running", deleteProtection: true });
  });

  it("does not repeat a create whose answer was lost, and finds it afterwards", async () => {
    theCloud().faults.add({ method: "POST", path: "/networks", drop: "answer" });
    await expect(make("Network", network)).rejects.toThrow(
      /^hcloud: POST \/networks: no_answer: nothing answers at .*It may have been done all the same: run again/,
    );
    expect((await find("Network", network))?.outputs).toMatchObject(network);
  });
});

describe("delete", () => {
  it("takes everything down in order, and is content when it is gone", async () => {
    const shared = await makeShared();
    const server = await make("Server", serverInputs(shared));
    const place = await make("ServerNetwork", {
      serverId: Number(server.id),
      subnetId: shared.subnet.id,
      ip: "10.0.1.1",
    });
    const order = [
      ["ServerNetwork", place],
      ["Server", server],
      ["PlacementGroup", shared.group],
      ["Firewall", shared.wall],
      ["NetworkSubnet", shared.subnet],
      ["Network", shared.net],
      ["SshKey", shared.key],
    ] as const;
    for (const [kind, made] of order) {
      await remove(kind, made);
      expect(await read(kind, made)).toBeUndefined();
      await remove(kind, made);
    }
    expect(theMachines().specs.size).toBe(0);
  });

  it("takes a firewall from its servers first", async () => {
    const shared = await makeShared();
    const server = await make("Server", serverInputs(shared));
    await remove("Firewall", shared.wall);
    expect((await read("Server", server))?.outputs).toMatchObject({ firewallIds: [] });
  });

  it("fails on what is protected, and says how to go on", async () => {
    const shared = await makeShared();
    const server = await make(
      "Server",
      serverInputs(shared, { deleteProtection: true, rebuildProtection: true }),
    );
    await expect(remove("Server", server)).rejects.toThrow(
      /^hcloud: DELETE \/servers\/\d+: 423 protected: .*switch its protection off in the config, run, then try again\.$/,
    );
    const open = await change("Server", server, serverInputs(shared));
    await remove("Server", open);
  });
});
