import { describe, expect, it } from "vitest";
import { idOf, Lab, problem } from "./support/lab.ts";

const order = { name: "entry", load_balancer_type: "lb11", location: "fsn1", labels: { a: "b" } };
const service = {
  protocol: "tcp",
  listen_port: 6443,
  destination_port: 6443,
  proxyprotocol: true,
  health_check: {
    protocol: "http",
    port: 8405,
    interval: 3,
    timeout: 2,
    retries: 2,
    http: { domain: "", path: "/healthz", response: "", status_codes: ["200"], tls: false },
  },
};

const act = (lab: Lab, id: number, action: string, body: object = {}) =>
  lab.post(`/load_balancers/${id}/actions/${action}`, body);

/** A load balancer in a network with one server, both attached. */
async function start() {
  const lab = await Lab.start();
  const network = await lab.network();
  const server = await lab.server("n1", { networks: [network] });
  const id = await lab.make("load_balancers", order);
  await lab.finished(await act(lab, id, "attach_to_network", { network, ip: "10.0.1.5" }));
  const target = { type: "server", server: { id: server }, use_private_ip: true };
  return { lab, network, server, id, target };
}

describe("a load balancer", () => {
  it("is made, found, renamed, protected and deleted", async () => {
    const lab = await Lab.start();
    const answer = await lab.post("/load_balancers", order);
    expect(await lab.finished(answer)).toMatchObject([
      { command: "create_load_balancer", status: "success" },
    ]);
    const id = idOf(answer);
    expect(await lab.one("load_balancers", id)).toMatchObject({
      name: "entry",
      labels: { a: "b" },
      public_net: { enabled: true, ipv4: { ip: "198.51.100.200" }, ipv6: { ip: null } },
      private_net: [],
      location: { name: "fsn1", network_zone: "eu-central" },
      load_balancer_type: { name: "lb11", max_services: 5 },
      algorithm: { type: "round_robin" },
      services: [],
      targets: [],
      protection: { delete: false },
    });
    const list = await lab.get("/load_balancers?name=entry&label_selector=a%3Db");
    expect(list.body).toMatchObject({ load_balancers: [{ id }], meta: { pagination: { total_entries: 1 } } });
    await lab.call("PUT", `/load_balancers/${id}`, { name: "new" });
    await lab.finished(await act(lab, id, "change_protection", { delete: true }));
    expect(await lab.call("DELETE", `/load_balancers/${id}`)).toMatchObject(problem(423, "protected"));
    await lab.finished(await act(lab, id, "change_protection", { delete: false }));
    expect((await lab.call("DELETE", `/load_balancers/${id}`)).status).toBe(204);
    expect((await lab.get(`/load_balancers/${id}`)).status).toBe(404);
  });

  it("is made with everything at once, in a zone", async () => {
    const { lab, network, target } = await start();
    const { location: _, ...rest } = order;
    const whole = {
      ...rest,
      name: "two",
      network_zone: "eu-central",
      network,
      services: [service],
      targets: [target],
    };
    const two = await lab.make("load_balancers", whole);
    expect(await lab.one("load_balancers", two)).toMatchObject({
      public_net: { ipv4: { ip: "198.51.100.201" } },
      private_net: [{ network, ip: "10.0.1.2" }],
      services: [service],
      targets: [target],
    });
  });

  it("forwards what its record says", async () => {
    const { lab, network, server, id, target } = await start();
    await lab.finished(await act(lab, id, "add_service", service));
    await lab.finished(await act(lab, id, "add_target", target));
    await lab.finished(await act(lab, id, "change_algorithm", { type: "least_connections" }));
    await lab.finished(await act(lab, id, "disable_public_interface"));
    const { status_codes: statusCodes, ...http } = service.health_check.http;
    const { protocol: _, ...check } = service.health_check;
    expect(lab.balancers.wanted).toEqual([
      {
        id,
        publicIp: "198.51.100.200",
        isPublic: false,
        nic: { networkId: network, ip: "10.0.1.5", gateway: "10.0.0.1" },
        algorithm: "least_connections",
        services: [
          {
            listenPort: 6443,
            destinationPort: 6443,
            proxyProtocol: true,
            check: { ...check, http: { ...http, statusCodes } },
          },
        ],
        targets: [{ server, ip: "10.0.1.1", isPrivate: true }],
      },
    ]);
    expect(await lab.one("networks", network)).toMatchObject({ load_balancers: [id] });
    expect(await lab.one("servers", server)).toMatchObject({ load_balancers: [id] });
  });

  it("shows the health of each target for each service", async () => {
    const { lab, server, id, target } = await start();
    await lab.finished(await act(lab, id, "add_service", service));
    await lab.finished(await act(lab, id, "add_service", { ...service, listen_port: 443 }));
    await lab.finished(await act(lab, id, "add_target", target));
    lab.balancers.states.set(id, [{ server, listenPort: 443, health: "unhealthy" }]);
    expect(await lab.one("load_balancers", id)).toMatchObject({
      targets: [
        {
          health_status: [
            { listen_port: 6443, status: "unknown" },
            { listen_port: 443, status: "unhealthy" },
          ],
        },
      ],
    });
  });

  it("survives a restart, and forwards again when the machines are back", async () => {
    const { lab, id, target } = await start();
    await lab.finished(await act(lab, id, "add_service", service));
    await lab.finished(await act(lab, id, "add_target", target));
    const before = [await lab.one("load_balancers", id), lab.balancers.wanted];
    lab.balancers.wanted = [];
    await lab.restart();
    await lab.cloud.resume();
    expect([await lab.one("load_balancers", id), lab.balancers.wanted]).toEqual(before);
  });

  it("is as before when a change fails, and the action says why", async () => {
    const { lab, id } = await start();
    lab.balancers.failNext("wanted HAProxy to forward, but it did not start");
    expect(await lab.finished(await act(lab, id, "add_service", service))).toMatchObject([
      { status: "error", error: { message: "wanted HAProxy to forward, but it did not start" } },
    ]);
    expect(await lab.one("load_balancers", id)).toMatchObject({ services: [] });
  });
});

describe("services", () => {
  it("are checked for a connection unless told otherwise, and changed in part", async () => {
    const { lab, id } = await start();
    const plain = { protocol: "tcp", listen_port: 80, destination_port: 8080 };
    await lab.finished(await act(lab, id, "add_service", plain));
    const check = { protocol: "tcp", port: 8080, interval: 15, timeout: 10, retries: 3, http: null };
    const shown = { ...plain, proxyprotocol: false, http: null, health_check: check };
    expect(await lab.one("load_balancers", id)).toMatchObject({ services: [shown] });
    const change = { listen_port: 80, proxyprotocol: true, health_check: { protocol: "http", interval: 20 } };
    await lab.finished(await act(lab, id, "update_service", change));
    const http = { domain: "", path: "/", response: "", status_codes: ["2??", "3??"], tls: false };
    expect(await lab.one("load_balancers", id)).toMatchObject({
      services: [
        { ...shown, proxyprotocol: true, health_check: { ...check, protocol: "http", interval: 20, http } },
      ],
    });
    await lab.finished(await act(lab, id, "delete_service", { listen_port: 80 }));
    expect(await act(lab, id, "delete_service", { listen_port: 80 })).toMatchObject(
      problem(404, "not_found"),
    );
  });

  it("have a port of their own, and are no more than the type allows", async () => {
    const { lab, id } = await start();
    await lab.finished(await act(lab, id, "add_service", service));
    expect(await act(lab, id, "add_service", service)).toMatchObject(
      problem(422, "source_port_already_used"),
    );
    for (const listen_port of [1, 2, 3, 4]) await act(lab, id, "add_service", { ...service, listen_port });
    expect(await act(lab, id, "add_service", { ...service, listen_port: 5 })).toMatchObject(
      problem(403, "resource_limit_exceeded", "Load Balancer type allows 5 services"),
    );
    await lab.finished(await act(lab, id, "change_type", { load_balancer_type: "lb21" }));
    await lab.finished(await act(lab, id, "add_service", { ...service, listen_port: 5 }));
    expect(await act(lab, id, "change_type", { load_balancer_type: "lb11" })).toMatchObject(
      problem(422, "invalid_load_balancer_type"),
    );
  });

  it.each([
    [{ protocol: "https" }, "protocol"],
    [{ health_check: { ...service.health_check, timeout: 4 } }, "health_check.timeout"],
    [{ health_check: { ...service.health_check, http: { path: "/a b" } } }, "health_check.http.path"],
    [{ health_check: { ...service.health_check, http: { path: "/\n  bind :1" } } }, "health_check.http.path"],
  ])("are refused with a reason: %j", async (change, name) => {
    const { lab, id } = await start();
    expect(await act(lab, id, "add_service", { ...service, ...change })).toMatchObject({
      status: 422,
      body: { error: { code: "invalid_input", details: { fields: [{ name }] } } },
    });
  });
});

describe("targets", () => {
  it("must be reachable on the side that is asked for, and are targets once", async () => {
    const { lab, network, id, target } = await start();
    const stranger = { ...target, server: { id: await lab.server("n2") } };
    expect(await act(lab, id, "add_target", stranger)).toMatchObject(
      problem(422, "server_not_attached_to_network"),
    );
    await lab.finished(await act(lab, id, "add_target", { ...stranger, use_private_ip: false }));
    expect(await act(lab, id, "disable_public_interface")).toMatchObject(
      problem(422, "targets_without_use_private_ip"),
    );
    expect(await act(lab, id, "add_target", stranger)).toMatchObject(problem(422, "target_already_defined"));
    await lab.finished(await act(lab, id, "remove_target", stranger));
    expect(await act(lab, id, "remove_target", stranger)).toMatchObject(
      problem(422, "load_balancer_target_not_found", "target not found"),
    );
    await lab.finished(await act(lab, id, "detach_from_network", { network }));
    expect(await act(lab, id, "add_target", target)).toMatchObject(
      problem(422, "load_balancer_not_attached_to_network"),
    );
  });

  it.each([
    [
      "its server is deleted",
      (lab: Lab, { server }: { server: number }) => lab.call("DELETE", `/servers/${server}`),
    ],
    [
      "its server leaves the network",
      (lab: Lab, { server, network }: { server: number; network: number }) =>
        lab.post(`/servers/${server}/actions/detach_from_network`, { network }),
    ],
    [
      "the network is deleted",
      (lab: Lab, { network }: { network: number }) => lab.call("DELETE", `/networks/${network}`),
    ],
  ])("are gone when %s", async (_, go) => {
    const { lab, id, target, ...ids } = await start();
    await lab.finished(await act(lab, id, "add_target", target));
    await go(lab, ids);
    await lab.cloud.settled();
    expect(await lab.one("load_balancers", id)).toMatchObject({ targets: [] });
    expect(lab.balancers.wanted).toMatchObject([{ targets: [] }]);
  });
});

describe("addresses in a network", () => {
  it("are shared with servers", async () => {
    const { lab, network, id } = await start();
    expect(await act(lab, id, "attach_to_network", { network })).toMatchObject(
      problem(409, "load_balancer_already_attached"),
    );
    const server = await lab.server("n2");
    const attach = { network, ip: "10.0.1.5" };
    expect(await lab.post(`/servers/${server}/actions/attach_to_network`, attach)).toMatchObject(
      problem(422, "ip_not_available"),
    );
  });
});

it("load balancer types are listed by name", async () => {
  const lab = await Lab.start();
  expect((await lab.get("/load_balancer_types?name=lb11")).body).toMatchObject({
    load_balancer_types: [{ id: 1, name: "lb11", max_targets: 25 }],
  });
});
