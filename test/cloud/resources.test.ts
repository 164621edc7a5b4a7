import { describe, expect, it } from "vitest";
import { Lab, problem } from "./support/lab.ts";

describe("SSH keys", () => {
  it("are created, found, renamed and deleted", async () => {
    const lab = await Lab.start();
    const id = await lab.sshKey("gardenos-dev");
    const key = await lab.one("ssh_keys", id);
    expect(key).toMatchObject({ id, name: "gardenos-dev", labels: {} });
    const { fingerprint } = key as { fingerprint: string };
    expect(fingerprint).toMatch(/^([0-9a-f]{2}:){15}[0-9a-f]{2}$/);
    expect((await lab.get(`/ssh_keys?fingerprint=${fingerprint}`)).body).toMatchObject({
      ssh_keys: [{ id }],
    });
    const renamed = await lab.call("PUT", `/ssh_keys/${id}`, { name: "new", labels: { a: "b" } });
    expect(renamed.body).toMatchObject({ ssh_key: { name: "new", labels: { a: "b" } } });
    expect((await lab.call("DELETE", `/ssh_keys/${id}`)).status).toBe(204);
    expect(await lab.call("DELETE", `/ssh_keys/${id}`)).toMatchObject(problem(404, "not_found"));
  });

  it("are unique by key, and must be keys", async () => {
    const lab = await Lab.start();
    const id = await lab.sshKey("one");
    const { public_key } = (await lab.one("ssh_keys", id)) as { public_key: string };
    expect(await lab.post("/ssh_keys", { name: "two", public_key })).toMatchObject(
      problem(409, "uniqueness_error", "SSH key with the same fingerprint already exists"),
    );
    expect(await lab.post("/ssh_keys", { name: "two", public_key: "ssh-ed25519 AAAA" })).toMatchObject(
      problem(422, "invalid_input", "SSH key is not a valid OpenSSH public key"),
    );
  });
});

describe("names", () => {
  it.each([
    ["networks", { ip_range: "10.0.0.0/16" }],
    ["firewalls", {}],
    ["placement_groups", { type: "spread" }],
    ["servers", { server_type: "cx33", image: "debian-13" }],
  ])("of %s are unique, also after a change", async (collection, rest) => {
    const lab = await Lab.start();
    await lab.make(collection, { name: "one", ...rest });
    const two = await lab.make(collection, { name: "two", ...rest });
    expect(await lab.post(`/${collection}`, { name: "one", ...rest })).toMatchObject(
      problem(409, "uniqueness_error"),
    );
    expect(await lab.call("PUT", `/${collection}/${two}`, { name: "one" })).toMatchObject(
      problem(409, "uniqueness_error"),
    );
    expect((await lab.call("PUT", `/${collection}/${two}`, { name: "two", labels: { a: "1" } })).status).toBe(
      200,
    );
    expect(await lab.one(collection, two)).toMatchObject({ name: "two", labels: { a: "1" } });
  });
});

describe("networks", () => {
  it("have subnets that lie inside and do not overlap", async () => {
    const lab = await Lab.start();
    const id = await lab.network();
    expect(await lab.one("networks", id)).toMatchObject({
      ip_range: "10.0.0.0/16",
      subnets: [{ type: "cloud", ip_range: "10.0.1.0/24", network_zone: "eu-central", gateway: "10.0.0.1" }],
      routes: [],
      servers: [],
      protection: { delete: false },
    });
    const add = (ip_range: string) =>
      lab.post(`/networks/${id}/actions/add_subnet`, { type: "cloud", ip_range, network_zone: "eu-central" });
    expect(await add("10.1.0.0/24")).toMatchObject(
      problem(422, "invalid_input", "10.1.0.0/24 is not part of the network's range 10.0.0.0/16"),
    );
    expect(await add("10.0.0.0/20")).toMatchObject(
      problem(422, "invalid_input", "10.0.0.0/20 overlaps with the subnet 10.0.1.0/24"),
    );
    expect((await add("10.0.2.0/24")).status).toBe(201);
    const remove = (ip_range: string) => lab.post(`/networks/${id}/actions/delete_subnet`, { ip_range });
    await lab.finished(await remove("10.0.2.0/24"));
    expect(await remove("10.0.2.0/24")).toMatchObject(problem(404, "not_found"));
  });

  it("must be private and not too small", async () => {
    const lab = await Lab.start();
    const create = (ip_range: string) => lab.post("/networks", { name: "net", ip_range });
    expect(await create("198.51.100.0/24")).toMatchObject(problem(422, "invalid_input"));
    expect(await create("10.0.0.0/28")).toMatchObject(problem(422, "invalid_input"));
    const routed = {
      name: "net",
      ip_range: "10.0.0.0/16",
      routes: [{ destination: "0.0.0.0/0", gateway: "10.0.0.2" }],
    };
    expect(await lab.post("/networks", routed)).toMatchObject(
      problem(422, "invalid_input", "invalid input in field 'routes'"),
    );
  });

  it("can be protected against deletion", async () => {
    const lab = await Lab.start();
    const id = await lab.network();
    const protect = (on: boolean) => lab.post(`/networks/${id}/actions/change_protection`, { delete: on });
    await lab.finished(await protect(true));
    expect(await lab.call("DELETE", `/networks/${id}`)).toMatchObject(
      problem(423, "protected", "network is protected"),
    );
    await lab.finished(await protect(false));
    expect((await lab.call("DELETE", `/networks/${id}`)).status).toBe(204);
  });

  it("keep subnets that servers use, and detach servers when they are deleted", async () => {
    const lab = await Lab.start();
    const network = await lab.network();
    const server = await lab.server();
    await lab.finished(await lab.post(`/servers/${server}/actions/attach_to_network`, { network }));
    expect(await lab.one("networks", network)).toMatchObject({ servers: [server] });
    const remove = await lab.post(`/networks/${network}/actions/delete_subnet`, { ip_range: "10.0.1.0/24" });
    expect(remove).toMatchObject(
      problem(422, "service_error", "cannot remove subnet because servers are attached to it"),
    );
    expect((await lab.call("DELETE", `/networks/${network}`)).status).toBe(204);
    await lab.cloud.settled();
    expect(lab.hypervisor.nics.get(server)).toEqual([]);
    expect(await lab.one("servers", server)).toMatchObject({ private_net: [] });
  });
});

describe("firewalls", () => {
  it("reach the machines they are applied to, and all of them at once", async () => {
    const lab = await Lab.start();
    const [ssh, web] = [await lab.firewall("ssh", "203.0.113.0/24"), await lab.firewall("web")];
    const server = await lab.server("n1", { firewalls: [{ firewall: ssh }] });
    const sshRule = { protocol: "tcp", port: "22", sourceIps: ["203.0.113.0/24"] };
    expect(lab.hypervisor.rules.get(server)).toEqual([sshRule]);
    const target = [{ type: "server", server: { id: server } }];
    await lab.finished(await lab.post(`/firewalls/${web}/actions/apply_to_resources`, { apply_to: target }));
    expect(lab.hypervisor.rules.get(server)).toHaveLength(2);
    expect(await lab.one("firewalls", web)).toMatchObject({ applied_to: target });
    expect(await lab.one("servers", server)).toMatchObject({
      public_net: {
        firewalls: [
          { id: ssh, status: "applied" },
          { id: web, status: "applied" },
        ],
      },
    });
    const again = await lab.post(`/firewalls/${web}/actions/apply_to_resources`, { apply_to: target });
    expect(again).toMatchObject(problem(422, "firewall_already_applied"));
    await lab.finished(
      await lab.post(`/firewalls/${web}/actions/remove_from_resources`, { remove_from: target }),
    );
    expect(lab.hypervisor.rules.get(server)).toEqual([sshRule]);
  });

  it("open everything when the last one is removed", async () => {
    const lab = await Lab.start();
    const firewall = await lab.firewall();
    const server = await lab.server("n1", { firewalls: [{ firewall }] });
    const remove_from = [{ type: "server", server: { id: server } }];
    await lab.finished(
      await lab.post(`/firewalls/${firewall}/actions/remove_from_resources`, { remove_from }),
    );
    expect(lab.hypervisor.rules.get(server)).toBeUndefined();
  });

  it("send changed rules to their machines", async () => {
    const lab = await Lab.start();
    const firewall = await lab.firewall();
    const server = await lab.server("n1", { firewalls: [{ firewall }] });
    const rules = [
      { direction: "in", protocol: "udp", port: "any", source_ips: ["0.0.0.0/0", "::/0"] },
      { direction: "in", protocol: "icmp", source_ips: ["203.0.113.10/32"] },
      { direction: "in", protocol: "tcp", port: "80-85", source_ips: ["::/0"], description: "IPv6 only" },
    ];
    const actions = await lab.finished(await lab.post(`/firewalls/${firewall}/actions/set_rules`, { rules }));
    expect(actions.map(({ command, status }) => [command, status])).toEqual([
      ["apply_firewall", "success"],
      ["set_firewall_rules", "success"],
    ]);
    expect(lab.hypervisor.rules.get(server)).toEqual([
      { protocol: "udp", sourceIps: ["0.0.0.0/0"] },
      { protocol: "icmp", sourceIps: ["203.0.113.10/32"] },
    ]);
    expect(await lab.one("firewalls", firewall)).toMatchObject({ rules });
  });

  it("can't be deleted while they are applied", async () => {
    const lab = await Lab.start();
    const firewall = await lab.firewall();
    const server = await lab.server("n1", { firewalls: [{ firewall }] });
    expect(await lab.call("DELETE", `/firewalls/${firewall}`)).toMatchObject(problem(409, "resource_in_use"));
    await lab.finished(await lab.call("DELETE", `/servers/${server}`));
    expect((await lab.call("DELETE", `/firewalls/${firewall}`)).status).toBe(204);
  });

  it("stay as they were when the machine refuses", async () => {
    const lab = await Lab.start();
    const [firewall, server] = [await lab.firewall(), await lab.server()];
    lab.hypervisor.failNext("setFirewall", "nft: no such table");
    const apply_to = [{ type: "server", server: { id: server } }];
    const answer = await lab.post(`/firewalls/${firewall}/actions/apply_to_resources`, { apply_to });
    expect(await lab.finished(answer)).toMatchObject([
      { status: "error", error: { code: "action_failed", message: "nft: no such table" } },
    ]);
    expect(await lab.one("firewalls", firewall)).toMatchObject({ applied_to: [] });
  });

  it.each([
    ["a port for icmp", { protocol: "icmp", port: "22" }, "rules.0.port", "is not allowed for icmp"],
    ["tcp without a port", { protocol: "tcp" }, "rules.0.port", "is required for tcp"],
    [
      "outbound rules",
      { direction: "out" },
      "rules.0.direction",
      "the lab filters what comes in, not what goes out",
    ],
    [
      "a range with host bits",
      { source_ips: ["10.0.0.1/8"] },
      "rules.0.source_ips.0",
      "must be a range in CIDR notation",
    ],
  ])("refuse %s", async (_, part, name, message) => {
    const lab = await Lab.start();
    const valid = { direction: "in", protocol: "udp", source_ips: ["0.0.0.0/0"] };
    const port = "protocol" in part ? {} : { port: "53" };
    const answer = await lab.post("/firewalls", { name: "fw", rules: [{ ...valid, ...port, ...part }] });
    expect(answer).toMatchObject(problem(422, "invalid_input"));
    expect(answer.body).toMatchObject({ error: { details: { fields: [{ name, messages: [message] }] } } });
  });

  it("name a server that is not there", async () => {
    const lab = await Lab.start();
    const firewall = await lab.firewall();
    const apply_to = [{ type: "server", server: { id: 1 } }];
    expect(await lab.post(`/firewalls/${firewall}/actions/apply_to_resources`, { apply_to })).toMatchObject(
      problem(422, "firewall_resource_not_found"),
    );
  });
});

describe("placement groups", () => {
  it("know their servers and let go of them", async () => {
    const lab = await Lab.start();
    const placement_group = await lab.make("placement_groups", { name: "g", type: "spread" });
    const server = await lab.server("n1", { placement_group });
    expect(await lab.one("placement_groups", placement_group)).toMatchObject({ servers: [server] });
    expect(await lab.one("servers", server)).toMatchObject({
      placement_group: { id: placement_group, name: "g" },
    });
    expect((await lab.call("DELETE", `/placement_groups/${placement_group}`)).status).toBe(204);
    expect(await lab.one("servers", server)).toMatchObject({ placement_group: null });
  });

  it("spread over ten hosts", async () => {
    const lab = await Lab.start();
    const placement_group = await lab.make("placement_groups", { name: "g", type: "spread" });
    for (let n = 1; n <= 10; n += 1) await lab.server(`n${n}`, { placement_group });
    const eleventh = { name: "n11", server_type: "cx33", image: "debian-13", placement_group };
    expect(await lab.post("/servers", eleventh)).toMatchObject(
      problem(422, "service_error", `placement group ${placement_group} contains already 10 servers`),
    );
  });
});
