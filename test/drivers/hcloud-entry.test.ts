/** The driver against the lab's own cloud: load balancers and DNS zones, from create to delete. */
import { describe, expect, it } from "vitest";
import type { Properties } from "../../lab/engine/driver.ts";
import {
  byHand,
  change,
  check,
  find,
  hcloud,
  type Kind,
  type Made,
  make,
  read,
  remove,
  token,
} from "./support/hcloud.ts";

const labels = { project: "gardenos" };
const entry = { name: "lab-entry", loadBalancerType: "lb11", location: "fsn1", labels };
const healthCheck = {
  protocol: "http",
  port: 8405,
  interval: 3,
  timeout: 2,
  retries: 2,
  http: { path: "/healthz", statusCodes: ["200"] },
};

const serviceOf = (balancer: Made, more: Properties = {}): Properties => ({
  loadBalancerId: balancer.id,
  protocol: "tcp",
  listenPort: 6443,
  destinationPort: 6443,
  proxyprotocol: true,
  healthCheck,
  ...more,
});

/** All of a load balancer with one target, in the order of their creation. */
async function makeEntry() {
  const net = await make("Network", { name: "lab", ipRange: "10.0.0.0/16" });
  const subnet = await make("NetworkSubnet", {
    networkId: Number(net.id),
    type: "cloud",
    networkZone: "eu-central",
    ipRange: "10.0.1.0/24",
  });
  const server = await make("Server", {
    name: "n1",
    serverType: "cx23",
    image: "debian-13",
    location: "fsn1",
  });
  const serverId = Number(server.id);
  const card = await make("ServerNetwork", { serverId, subnetId: subnet.id, ip: "10.0.1.1" });
  const balancer = await make("LoadBalancer", entry);
  const loadBalancerId = Number(balancer.id);
  const placeInputs = { loadBalancerId, subnetId: subnet.id, ip: "10.0.1.5", enablePublicInterface: true };
  const place = await make("LoadBalancerNetwork", placeInputs);
  const service = await make("LoadBalancerService", serviceOf(balancer));
  const targetInputs = { type: "server", loadBalancerId, serverId, usePrivateIp: true };
  const target = await make("LoadBalancerTarget", targetInputs);
  return { net, server, card, balancer, place, service, target };
}

const kindsOf = (all: Awaited<ReturnType<typeof makeEntry>>): readonly (readonly [Kind, Made])[] => [
  ["LoadBalancer", all.balancer],
  ["LoadBalancerNetwork", all.place],
  ["LoadBalancerService", all.service],
  ["LoadBalancerTarget", all.target],
];

describe("a load balancer", () => {
  it("has the real provider's ids and outputs", async () => {
    const { net, server, balancer, place, service, target } = await makeEntry();
    expect(balancer.outputs).toEqual({
      ...entry,
      id: balancer.id,
      networkZone: "eu-central",
      algorithm: { type: "round_robin" },
      deleteProtection: false,
      ipv4: "198.51.100.200",
      ipv6: "<nil>",
      targets: [],
    });
    expect(place.id).toBe(`${balancer.id}-${net.id}`);
    expect(place.outputs).toEqual({
      id: place.id,
      loadBalancerId: Number(balancer.id),
      networkId: Number(net.id),
      subnetId: `${net.id}-10.0.1.0/24`,
      ip: "10.0.1.5",
      enablePublicInterface: true,
    });
    expect(service.id).toBe(`${balancer.id}__6443`);
    const http = { ...healthCheck.http, domain: "", response: "", tls: false };
    expect(service.outputs).toEqual({
      ...serviceOf(balancer),
      id: service.id,
      healthCheck: { ...healthCheck, http },
    });
    expect(target.id).toBe(`lb-srv-tgt-${server.id}-${balancer.id}`);
    expect(target.outputs).toEqual({
      id: target.id,
      type: "server",
      loadBalancerId: Number(balancer.id),
      serverId: Number(server.id),
      usePrivateIp: true,
    });
  });

  it("has marked blocks, as the bridge to the older plugins marks them", async () => {
    const inputs = check("LoadBalancerService", serviceOf({ id: "1", outputs: {}, inputs: {} }));
    expect(inputs).toMatchObject({
      __defaults: [],
      healthCheck: { __defaults: [], http: { __defaults: [], statusCodes: ["200"] } },
    });
    const { labels: plain } = check("LoadBalancer", entry);
    expect(plain).toEqual(labels);
  });

  it("is changed in place", async () => {
    const { balancer, service, target, card } = await makeEntry();
    const news = { ...entry, name: "new", loadBalancerType: "lb21", deleteProtection: true };
    const changed = await change("LoadBalancer", balancer, {
      ...news,
      algorithm: { type: "least_connections" },
    });
    expect(changed.outputs).toMatchObject({ ...news, algorithm: { type: "least_connections" } });
    const check = { ...healthCheck, interval: 5 };
    const other = await change(
      "LoadBalancerService",
      service,
      serviceOf(balancer, { proxyprotocol: false, healthCheck: check }),
    );
    expect(other.outputs).toMatchObject({ proxyprotocol: false, healthCheck: { interval: 5 } });
    const isPublic = await change("LoadBalancerTarget", target, { ...target.inputs, usePrivateIp: false });
    expect(isPublic.outputs).toMatchObject({ usePrivateIp: false });
    expect(card.outputs).toMatchObject({ ip: "10.0.1.1" });
  });

  it("is closed to the internet by its attachment", async () => {
    const { place, balancer } = await makeEntry();
    const news = { ...place.inputs, enablePublicInterface: false };
    const changed = await change("LoadBalancerNetwork", place, news);
    expect(changed.outputs).toMatchObject({ enablePublicInterface: false });
    await byHand("POST", `/load_balancers/${balancer.id}/actions/enable_public_interface`);
    expect((await read("LoadBalancerNetwork", changed))?.inputs).toMatchObject({
      enablePublicInterface: true,
    });
  });

  it.each([
    ["LoadBalancer", { location: "fsn1", networkZone: "a" }, { location: "nbg1", networkZone: "b" }],
    ["LoadBalancerNetwork", { loadBalancerId: 1, ip: "10.0.1.5" }, { loadBalancerId: 2, ip: "10.0.1.6" }],
    ["LoadBalancerService", { loadBalancerId: "1", listenPort: 80 }, { loadBalancerId: "2", listenPort: 81 }],
    ["LoadBalancerTarget", { loadBalancerId: 1, serverId: 1 }, { loadBalancerId: 2, serverId: 2 }],
    ["Zone", { name: "a.example" }, { name: "b.example" }],
    ["ZoneRrset", { zone: "1", name: "@", type: "A" }, { zone: "2", name: "www", type: "AAAA" }],
  ] as const)("is replaced by these changes: %s", (kind, inputs, news) => {
    const keys = Object.keys(news).sort();
    expect(hcloud.diff?.(token(kind), { inputs, outputs: {} }, news)).toEqual({
      changed: keys,
      replace: keys,
    });
  });

  it("is read as it is, also where the API fills in more than was given", async () => {
    const all = await makeEntry();
    const balancer = await read("LoadBalancer", all.balancer);
    expect(balancer?.inputs).toEqual(all.balancer.inputs);
    expect(balancer?.outputs).toMatchObject({
      networkIp: "10.0.1.5",
      targets: [{ type: "server", serverId: Number(all.server.id) }],
    });
    for (const [kind, made] of kindsOf(all).slice(1)) expect(await read(kind, made)).toEqual(made);
  });

  it("shows what was changed by hand", async () => {
    const { balancer, service } = await makeEntry();
    const update = { listen_port: 6443, proxyprotocol: false, health_check: { http: { tls: true } } };
    await byHand("POST", `/load_balancers/${balancer.id}/actions/update_service`, update);
    expect((await read("LoadBalancerService", service))?.inputs).toMatchObject({
      proxyprotocol: false,
      healthCheck: { http: { tls: true } },
    });
  });

  it("is found after an interrupted create, with the steps done that were left", async () => {
    const all = await makeEntry();
    for (const [kind, made] of kindsOf(all)) expect((await find(kind, made.inputs))?.id).toBe(made.id);
    const closed = { ...all.place.inputs, enablePublicInterface: false };
    expect((await find("LoadBalancerNetwork", closed))?.outputs).toMatchObject({
      enablePublicInterface: false,
    });
    const guarded = await find("LoadBalancer", { ...entry, deleteProtection: true });
    expect(guarded?.outputs).toMatchObject({ deleteProtection: true });
    expect(await find("LoadBalancer", { ...entry, location: "hel1" })).toBeUndefined();
    expect(await find("LoadBalancerService", serviceOf(all.balancer, { listenPort: 80 }))).toBeUndefined();
    expect(await find("LoadBalancerTarget", { ...all.target.inputs, serverId: 1 })).toBeUndefined();
  });

  it("is taken down in order, and what is gone already is no trouble", async () => {
    const all = await makeEntry();
    for (const [kind, made] of kindsOf(all).toReversed()) {
      await remove(kind, made);
      expect(await read(kind, made)).toBeUndefined();
      await remove(kind, made);
    }
  });

  it("takes all its parts with it when it is deleted by hand", async () => {
    const all = await makeEntry();
    await byHand("DELETE", `/load_balancers/${all.balancer.id}`);
    for (const [kind, made] of kindsOf(all)) {
      expect(await read(kind, made)).toBeUndefined();
      await remove(kind, made);
    }
  });

  it.each([
    ["LoadBalancer", { targets: [] }, "targets"],
    ["LoadBalancerService", { protocol: "https" }, "protocol"],
    ["LoadBalancerTarget", { type: "label_selector" }, "type"],
    ["LoadBalancerTarget", { ip: "192.0.2.1" }, "ip"],
    ["Zone", { mode: "secondary" }, "mode"],
  ] as const)("of a kind that the driver does not know is rejected: %s %j", (kind, news, property) => {
    expect(hcloud.check?.(token(kind), news).failures).toMatchObject([{ property }]);
  });
});

const zoneInputs = { name: "example.com", mode: "primary", labels };
const recordsOf = (...values: string[]) => values.map((value) => ({ value }));

describe("a zone", () => {
  it("has the real provider's id and outputs, and is changed in place", async () => {
    const zone = await make("Zone", zoneInputs);
    expect(zone.outputs).toEqual({
      ...zoneInputs,
      id: zone.id,
      ttl: 3600,
      deleteProtection: false,
      primaryNameservers: [],
      authoritativeNameservers: { assigneds: expect.arrayContaining(["hydrogen.ns.hetzner.com."]) },
      registrar: "unknown",
    });
    const news = { ...zoneInputs, ttl: 300, labels: {}, deleteProtection: true };
    expect((await change("Zone", zone, news)).outputs).toMatchObject(news);
    expect((await find("Zone", news))?.id).toBe(zone.id);
    await expect(remove("Zone", zone)).rejects.toThrow("423 protected");
    await change("Zone", zone, zoneInputs);
    await remove("Zone", zone);
    expect(await read("Zone", zone)).toBeUndefined();
    await remove("Zone", zone);
  });
});

describe("a record set", () => {
  const inputs = { zone: "example.com", name: "@", type: "A", records: recordsOf("198.51.100.11"), labels };

  it("is made, read, found and deleted by zone, name and type", async () => {
    await make("Zone", zoneInputs);
    expect(await find("ZoneRrset", inputs)).toBeUndefined();
    const rrset = await make("ZoneRrset", inputs);
    expect(rrset.id).toBe("@/A");
    expect(rrset.outputs).toEqual({ ...inputs, id: "@/A", changeProtection: false });
    expect(await read("ZoneRrset", rrset)).toEqual(rrset);
    expect((await find("ZoneRrset", inputs))?.id).toBe("@/A");
    expect(await find("ZoneRrset", { ...inputs, records: recordsOf("192.0.2.1") })).toBeUndefined();
    await remove("ZoneRrset", rrset);
    expect(await read("ZoneRrset", rrset)).toBeUndefined();
    await remove("ZoneRrset", rrset);
  });

  it("is changed in place, protected or not", async () => {
    await make("Zone", zoneInputs);
    const made = await make("ZoneRrset", { ...inputs, ttl: 60, changeProtection: true });
    const news = { ...inputs, changeProtection: true, records: recordsOf("198.51.100.12", "198.51.100.11") };
    const changed = await change("ZoneRrset", made, news);
    expect(changed.outputs).toEqual({ ...news, id: "@/A" });
    const open = await change("ZoneRrset", changed, { ...inputs, name: "@", labels: {}, ttl: 120 });
    expect(open.outputs).toMatchObject({ changeProtection: false, ttl: 120, labels: {} });
  });

  it("shows records that were changed by hand", async () => {
    await make("Zone", zoneInputs);
    const rrset = await make("ZoneRrset", inputs);
    const records = recordsOf("192.0.2.1");
    await byHand("POST", "/zones/example.com/rrsets/@/A/actions/set_records", { records });
    expect((await read("ZoneRrset", rrset))?.inputs).toMatchObject({ records });
    await byHand("DELETE", "/zones/example.com");
    expect(await read("ZoneRrset", rrset)).toBeUndefined();
  });
});
