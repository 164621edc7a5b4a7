import { describe, expect, it } from "vitest";
import { actionsOf, idOf, Lab, problem, serverOrder } from "./support/lab.ts";

describe("ordering a server", () => {
  it("answers at once and makes the machine afterwards", async () => {
    const lab = await Lab.start();
    const [key, firewall] = [await lab.sshKey(), await lab.firewall()];
    const release = lab.hypervisor.hold("create");
    const order = serverOrder("gardenos-dev-n1", {
      ssh_keys: [key],
      firewalls: [{ firewall }],
      labels: { a: "b" },
    });
    const answer = await lab.post("/servers", order);
    const id = idOf(answer);
    expect(actionsOf(answer)).toMatchObject([
      { command: "create_server", status: "running" },
      { command: "start_server", status: "running" },
    ]);
    expect(answer.body).toMatchObject({
      root_password: null,
      server: { status: "initializing", locked: true },
    });
    release();
    expect(await lab.finished(answer)).toMatchObject([{ status: "success" }, { status: "success" }]);
    expect(await lab.one("servers", id)).toMatchObject({
      name: "gardenos-dev-n1",
      status: "running",
      locked: false,
      labels: { a: "b" },
      public_net: { ipv4: { ip: "198.51.100.11" }, ipv6: null, firewalls: [{ id: firewall }] },
      private_net: [],
      server_type: { name: "cx33" },
      image: { name: "debian-13" },
      location: { name: "fsn1", network_zone: "eu-central" },
      placement_group: null,
      protection: { delete: false, rebuild: false },
      primary_disk_size: 80,
    });
    expect(lab.hypervisor.specs.get(id)).toMatchObject({
      name: "gardenos-dev-n1",
      publicIp: "198.51.100.11",
      image: "debian-13",
      userData: "#cloud-config\n",
      sshKeys: [expect.stringMatching(/^ssh-ed25519 /)],
      memoryGb: 8,
    });
    expect(lab.hypervisor.calls).toEqual([`create ${id} gardenos-dev-n1`, `setFirewall ${id} 1 rules`]);
  });

  it("never shows a datacenter or the user-data", async () => {
    const lab = await Lab.start();
    const server = await lab.one("servers", await lab.server());
    expect(server).not.toHaveProperty("datacenter");
    expect(JSON.stringify(server)).not.toContain("cloud-config");
  });

  it("gives every server an address of its own, and the lowest that is free", async () => {
    const lab = await Lab.start();
    const [first, second] = [await lab.server("n1"), await lab.server("n2")];
    expect(await lab.one("servers", second)).toMatchObject({ public_net: { ipv4: { ip: "198.51.100.12" } } });
    await lab.finished(await lab.call("DELETE", `/servers/${first}`));
    const third = await lab.server("n3");
    expect(await lab.one("servers", third)).toMatchObject({ public_net: { ipv4: { ip: "198.51.100.11" } } });
    expect(third).not.toBe(first);
  });

  it("attaches the networks that come with it", async () => {
    const lab = await Lab.start();
    const network = await lab.network();
    const id = await lab.server("n1", { networks: [network] });
    expect(lab.hypervisor.nics.get(id)).toMatchObject([{ networkId: network, ip: "10.0.1.1" }]);
  });

  it("is forgotten when the machine can't be made", async () => {
    const lab = await Lab.start();
    lab.hypervisor.failNext("create", "server 1: no space left on the disk");
    const answer = await lab.post("/servers", serverOrder("n1"));
    expect(await lab.finished(answer)).toMatchObject([
      { status: "error", error: { code: "action_failed", message: "server 1: no space left on the disk" } },
      { status: "error" },
    ]);
    expect(await lab.get(`/servers/${idOf(answer)}`)).toMatchObject(problem(404, "not_found"));
  });

  it.each([
    ["cx33", "ash", "unsupported location for server type"],
    ["cax11", "sin", "unsupported location for server type"],
    ["cx11", "fsn1", "server type 'cx11' not found"],
    ["cx33", "fsn2", "location 'fsn2' not found"],
  ])("refuses %s in %s", async (server_type, location, message) => {
    const lab = await Lab.start();
    const answer = await lab.post("/servers", serverOrder("n1", { server_type, location }));
    expect(answer).toMatchObject(problem(422, "invalid_input", message));
    expect(answer.body).toMatchObject({ error: { details: { fields: [{ messages: [message] }] } } });
  });

  it.each([
    ["an image for another architecture", { server_type: "cax11" }, "image is for x86, server type for arm"],
    ["an unknown image", { image: "debian-7" }, "image 'debian-7' not found"],
    ["an unknown SSH key", { ssh_keys: [7] }, "SSH key '7' not found"],
    ["a datacenter", { datacenter: "fsn1-dc14" }, "invalid input in field 'datacenter'"],
    ["a name that is no host name", { name: "n_1" }, "invalid input in field 'name'"],
    ["labels that are none", { labels: { "a b": "c" } }, "invalid input in field 'labels.a b'"],
    ["more user-data than 32 KiB", { user_data: "ä".repeat(16_385) }, "invalid input in field 'user_data'"],
    ["no IPv4", { public_net: { enable_ipv4: false } }, "invalid input in field 'public_net.enable_ipv4'"],
    ["volumes", { volumes: [1] }, "invalid input in field 'volumes'"],
  ])("refuses %s", async (_, extra, message) => {
    const lab = await Lab.start();
    expect(await lab.post("/servers", serverOrder("n1", extra))).toMatchObject(
      problem(422, "invalid_input", message),
    );
    expect(lab.hypervisor.calls).toEqual([]);
  });

  it("takes user-data of exactly 32 KiB, and an image by name for its architecture", async () => {
    const lab = await Lab.start();
    const id = await lab.server("n1", {
      server_type: "cax11",
      image: "debian-12",
      user_data: "x".repeat(32_768),
    });
    expect(await lab.one("servers", id)).toMatchObject({ image: { name: "debian-12", architecture: "arm" } });
  });

  it("refuses firewalls and groups that are not there", async () => {
    const lab = await Lab.start();
    expect(await lab.post("/servers", serverOrder("n1", { firewalls: [{ firewall: 7 }] }))).toMatchObject(
      problem(404, "not_found", "firewall with ID '7' not found"),
    );
    expect(await lab.post("/servers", serverOrder("n1", { placement_group: 7 }))).toMatchObject(
      problem(404, "not_found", "placement_group with ID '7' not found"),
    );
  });
});

describe("power", () => {
  it.each([
    ["poweroff", "stopping", "off", ["powerOff"]],
    ["shutdown", "stopping", "off", ["shutdown"]],
    ["poweron", "starting", "running", ["powerOn"]],
    ["reset", "starting", "running", ["powerOff", "powerOn"]],
    ["reboot", "starting", "running", ["shutdown", "powerOn"]],
  ] as const)("%s shows %s, then %s", async (command, during, after, calls) => {
    const lab = await Lab.start();
    const id = await lab.server();
    lab.hypervisor.calls.length = 0;
    const release = lab.hypervisor.hold(calls[0]);
    const answer = await lab.post(`/servers/${id}/actions/${command}`);
    expect(answer.status).toBe(201);
    expect(actionsOf(answer)).toMatchObject([{ command, status: "running" }]);
    expect(await lab.one("servers", id)).toMatchObject({ status: during, locked: true });
    release();
    expect(await lab.finished(answer)).toMatchObject([{ status: "success" }]);
    expect(await lab.one("servers", id)).toMatchObject({ status: after, locked: false });
    expect(lab.hypervisor.calls).toEqual(calls.map((call) => `${call} ${id}`));
  });

  it("shows a machine that stopped on its own as off", async () => {
    const lab = await Lab.start();
    const id = await lab.server();
    lab.hypervisor.machines.set(id, "off");
    expect(await lab.one("servers", id)).toMatchObject({ status: "off" });
  });

  it("tells in the action why it failed, and goes back", async () => {
    const lab = await Lab.start();
    const id = await lab.server();
    lab.hypervisor.failNext("shutdown", "still runs after 120 s");
    const answer = await lab.post(`/servers/${id}/actions/shutdown`);
    expect(await lab.finished(answer)).toMatchObject([
      { status: "error", error: { code: "action_failed", message: "still runs after 120 s" } },
    ]);
    expect(await lab.one("servers", id)).toMatchObject({ status: "running" });
  });
});

describe("a server with an action under way", () => {
  it("is locked for others, and free again afterwards", async () => {
    const lab = await Lab.start();
    const [id, other] = [await lab.server("n1"), await lab.server("n2")];
    const release = lab.hypervisor.hold("powerOff");
    const answer = await lab.post(`/servers/${id}/actions/poweroff`);
    const locked = problem(423, "locked", "server is locked: another action is running");
    expect(await lab.post(`/servers/${id}/actions/poweron`)).toMatchObject(locked);
    expect(await lab.call("DELETE", `/servers/${id}`)).toMatchObject(locked);
    expect((await lab.call("PUT", `/servers/${id}`, { labels: {} })).status).toBe(200);
    await lab.finished(
      await lab.post(`/servers/${other}/actions/poweron`).then((started) => {
        release();
        return started;
      }),
    );
    await lab.finished(answer);
    await lab.finished(await lab.post(`/servers/${id}/actions/poweron`));
  });

  it("gets its new firewall when that is done", async () => {
    const lab = await Lab.start();
    const [firewall, id] = [await lab.firewall(), await lab.server()];
    const release = lab.hypervisor.hold("powerOff");
    lab.hypervisor.calls.length = 0;
    await lab.post(`/servers/${id}/actions/poweroff`);
    const apply_to = [{ type: "server", server: { id } }];
    const answer = await lab.post(`/firewalls/${firewall}/actions/apply_to_resources`, { apply_to });
    expect(lab.hypervisor.calls).toEqual([`powerOff ${id}`]);
    release();
    await lab.finished(answer);
    expect(lab.hypervisor.calls).toEqual([`powerOff ${id}`, `setFirewall ${id} 1 rules`]);
  });
});

describe("private networks", () => {
  it("give the address that was asked for, with a card of its own", async () => {
    const lab = await Lab.start();
    const [network, id] = [await lab.network(), await lab.server()];
    const answer = await lab.post(`/servers/${id}/actions/attach_to_network`, { network, ip: "10.0.1.11" });
    await lab.finished(answer);
    expect(answer.body).toMatchObject({ action: { resources: [{ id, type: "server" }, { id: network }] } });
    const mac_address = expect.stringMatching(/^86:00:00(:[0-9a-f]{2}){3}$/);
    expect(await lab.one("servers", id)).toMatchObject({
      private_net: [{ network, ip: "10.0.1.11", alias_ips: [], mac_address }],
    });
    expect(lab.hypervisor.nics.get(id)).toEqual([
      { networkId: network, ip: "10.0.1.11", ipRange: "10.0.0.0/16", gateway: "10.0.0.1", mac: mac_address },
    ]);
    expect(await lab.post(`/servers/${id}/actions/attach_to_network`, { network })).toMatchObject(
      problem(409, "server_already_attached"),
    );
    await lab.finished(await lab.post(`/servers/${id}/actions/detach_from_network`, { network }));
    expect(lab.hypervisor.nics.get(id)).toEqual([]);
    expect(await lab.post(`/servers/${id}/actions/detach_from_network`, { network })).toMatchObject(
      problem(404, "not_found"),
    );
  });

  it.each([
    ["a taken address", "10.0.1.11"],
    ["an address outside the subnet", "10.0.2.11"],
    ["the subnet's network address", "10.0.1.0"],
    ["the broadcast address", "10.0.1.255"],
  ])("refuse %s", async (_, ip) => {
    const lab = await Lab.start();
    const network = await lab.network();
    const attach = async (server: number, address: string) =>
      lab.post(`/servers/${server}/actions/attach_to_network`, { network, ip: address });
    await lab.finished(await attach(await lab.server("n1"), "10.0.1.11"));
    expect(await attach(await lab.server("n2"), ip)).toMatchObject(problem(422, "ip_not_available"));
  });

  it("refuse servers of another network zone", async () => {
    const lab = await Lab.start();
    const network = await lab.network();
    const id = await lab.server("n1", { server_type: "cpx22", location: "ash" });
    expect(await lab.post(`/servers/${id}/actions/attach_to_network`, { network })).toMatchObject(
      problem(422, "no_subnet_available", "no subnet or IP available in network zone us-east"),
    );
    const fixed = { network, ip: "10.0.1.11" };
    expect(await lab.post(`/servers/${id}/actions/attach_to_network`, fixed)).toMatchObject(
      problem(
        422,
        "ip_not_available",
        "IP 10.0.1.11 is not available: no subnet of network zone us-east has it",
      ),
    );
  });

  it("refuse what overlaps with another network of the server", async () => {
    const lab = await Lab.start();
    const [one, two] = [await lab.network("one"), await lab.network("two")];
    const id = await lab.server("n1", { networks: [one] });
    expect(await lab.post(`/servers/${id}/actions/attach_to_network`, { network: two })).toMatchObject(
      problem(422, "networks_overlap"),
    );
  });

  it("leave no trace when the card can't be attached", async () => {
    const lab = await Lab.start();
    const [network, id] = [await lab.network(), await lab.server()];
    lab.hypervisor.failNext("attachNic", "no such bridge");
    const attach = () => lab.post(`/servers/${id}/actions/attach_to_network`, { network });
    expect(await lab.finished(await attach())).toMatchObject([{ status: "error" }]);
    expect(await lab.one("servers", id)).toMatchObject({ private_net: [] });
    expect(await lab.finished(await attach())).toMatchObject([{ status: "success" }]);
  });
});

describe("protection", () => {
  it("is for deletion and rebuild together", async () => {
    const lab = await Lab.start();
    const id = await lab.server();
    const protect = (body: object) => lab.post(`/servers/${id}/actions/change_protection`, body);
    expect(await protect({ delete: true })).toMatchObject(
      problem(422, "invalid_input", "delete and rebuild protection must have the same value"),
    );
    await lab.finished(await protect({ delete: true, rebuild: true }));
    const refused = problem(423, "protected", "server is protected");
    expect(await lab.call("DELETE", `/servers/${id}`)).toMatchObject(refused);
    expect(await lab.post(`/servers/${id}/actions/rebuild`, { image: "debian-13" })).toMatchObject(refused);
    await lab.finished(await protect({ delete: false, rebuild: false }));
    await lab.finished(await lab.call("DELETE", `/servers/${id}`));
    expect((await lab.get(`/servers/${id}`)).status).toBe(404);
  });
});

describe("deleting a server", () => {
  it("shows it as deleting until the machine is gone", async () => {
    const lab = await Lab.start();
    const id = await lab.server();
    const release = lab.hypervisor.hold("delete");
    const answer = await lab.call("DELETE", `/servers/${id}`);
    expect(answer.body).toMatchObject({ action: { command: "delete_server", status: "running" } });
    expect(await lab.one("servers", id)).toMatchObject({ status: "deleting" });
    release();
    expect(await lab.finished(answer)).toMatchObject([{ status: "success" }]);
    expect((await lab.get(`/servers/${id}`)).status).toBe(404);
  });
});

describe("rebuild", () => {
  it("takes the image and the stored user-data, or new ones", async () => {
    const lab = await Lab.start();
    const id = await lab.server();
    await lab.finished(await lab.post(`/servers/${id}/actions/rebuild`, { image: "debian-12" }));
    expect(lab.hypervisor.calls).toContain(`rebuild ${id} debian-12 #cloud-config`);
    expect(await lab.one("servers", id)).toMatchObject({ status: "running", image: { name: "debian-12" } });
    const order = { image: "debian-13", user_data: "new" };
    await lab.finished(await lab.post(`/servers/${id}/actions/rebuild`, order));
    expect(lab.hypervisor.calls).toContain(`rebuild ${id} debian-13 new`);
  });
});

describe("a change of type", () => {
  const change = (lab: Lab, id: number, server_type: string, upgrade_disk = false) =>
    lab.post(`/servers/${id}/actions/change_type`, { server_type, upgrade_disk });

  it("needs a stopped server, starts it again, and keeps the disk unless told otherwise", async () => {
    const lab = await Lab.start();
    const id = await lab.server();
    const stop = async () => lab.finished(await lab.post(`/servers/${id}/actions/poweroff`));
    expect(await change(lab, id, "cx43")).toMatchObject(problem(422, "server_not_stopped"));
    await stop();
    await lab.finished(await change(lab, id, "cx43"));
    expect(await lab.one("servers", id)).toMatchObject({
      server_type: { name: "cx43" },
      status: "running",
      primary_disk_size: 80,
    });
    expect(lab.hypervisor.calls.slice(-2)).toEqual([`resize ${id} 16`, `powerOn ${id}`]);
    await stop();
    await lab.finished(await change(lab, id, "cx53", true));
    expect(await lab.one("servers", id)).toMatchObject({ primary_disk_size: 320 });
    await stop();
    expect(await change(lab, id, "cx33")).toMatchObject(
      problem(422, "invalid_server_type", "server type cx33 has a smaller disk than the server"),
    );
    expect(await change(lab, id, "cax21")).toMatchObject(
      problem(422, "invalid_server_type", "server type cax21 has another architecture"),
    );
  });

  it("refuses what the location does not have", async () => {
    const lab = await Lab.start();
    const id = await lab.server("n1", { server_type: "cpx22", location: "hil" });
    expect(await change(lab, id, "cx33")).toMatchObject(
      problem(422, "invalid_input", "unsupported location for server type"),
    );
  });
});

describe("moving between placement groups", () => {
  it("needs a stopped server to join, none to leave", async () => {
    const lab = await Lab.start();
    const placement_group = await lab.make("placement_groups", { name: "g", type: "spread" });
    const id = await lab.server();
    const join = () => lab.post(`/servers/${id}/actions/add_to_placement_group`, { placement_group });
    expect(await join()).toMatchObject(problem(422, "server_not_stopped"));
    await lab.finished(await lab.post(`/servers/${id}/actions/poweroff`));
    await lab.finished(await join());
    expect(await lab.one("servers", id)).toMatchObject({ placement_group: { id: placement_group } });
    await lab.finished(await lab.post(`/servers/${id}/actions/remove_from_placement_group`));
    expect(await lab.one("servers", id)).toMatchObject({ placement_group: null });
  });
});

describe("actions", () => {
  it("are found one by one and by list", async () => {
    const lab = await Lab.start();
    const [one, two] = actionsOf(await lab.post("/servers", serverOrder("n1")));
    await lab.cloud.settled();
    expect((await lab.get(`/actions/${one?.id}`)).body).toMatchObject({
      action: { command: "create_server", status: "success", progress: 100, error: null },
    });
    const poll = `/actions?id=${one?.id}&id=${two?.id}&page=1&sort=status&sort=id`;
    expect((await lab.get(poll)).body).toMatchObject({
      actions: [{ id: one?.id }, { id: two?.id }],
      meta: { pagination: { total_entries: 2 } },
    });
    expect((await lab.get(`${poll}&status=running`)).body).toMatchObject({ actions: [] });
    expect(await lab.get("/actions/1")).toMatchObject(problem(404, "not_found"));
  });
});
