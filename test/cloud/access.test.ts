import { Hono } from "hono";
import { describe, expect, it } from "vitest";
import { Actions } from "../../lab/cloud/actions.ts";
import { createApp } from "../../lab/cloud/app.ts";
import { recordsOnly } from "../../lab/cloud/balancers.ts";
import { Faults } from "../../lab/cloud/faults.ts";
import { Bucket, HETZNER_RATE_LIMIT } from "../../lab/cloud/rate-limit.ts";
import { RequestLog } from "../../lab/cloud/request-log.ts";
import { Store } from "../../lab/cloud/store.ts";
import { Lab, problem, READ_ONLY } from "./support/lab.ts";

const SMALL_BUCKET = { burst: 3, perHour: 1 };

describe("who may call", () => {
  it("refuses calls without the project's token", async () => {
    const lab = await Lab.start();
    expect(await lab.call("GET", "/servers", undefined, "wrong")).toMatchObject({
      status: 401,
      body: { error: { code: "unauthorized", message: "unable to authenticate", details: null } },
    });
  });

  it("lets a read-only token read and nothing else", async () => {
    const lab = await Lab.start();
    expect((await lab.call("GET", "/servers", undefined, READ_ONLY)).status).toBe(200);
    expect(await lab.call("POST", "/ssh_keys", {}, READ_ONLY)).toMatchObject(problem(403, "token_readonly"));
  });
});

describe("calls that make no sense", () => {
  it("are answered with Hetzner's codes", async () => {
    const lab = await Lab.start();
    const missing = { code: "not_found", message: "server with ID '4711' not found", details: null };
    expect(await lab.get("/servers/4711")).toMatchObject({ status: 404, body: { error: missing } });
    expect(await lab.get("/volumes")).toMatchObject(
      problem(404, "not_found", "GET /v1/volumes: not part of the lab's cloud"),
    );
    expect(await lab.post("/ssh_keys", "{")).toMatchObject(problem(400, "json_error"));
    expect(await lab.get("/datacenters")).toMatchObject(problem(410, "deprecated_api_endpoint"));
    expect(await lab.get("/datacenters/1")).toMatchObject(problem(410, "deprecated_api_endpoint"));
    expect(await lab.get("/actions")).toMatchObject(problem(410, "deprecated_api_endpoint"));
  });

  it("name every field that is wrong", async () => {
    const lab = await Lab.start();
    const answer = await lab.post("/networks", { name: "", ip_range: "10.0.0.1/16" });
    expect(answer).toMatchObject(problem(422, "invalid_input", "invalid input in fields 'name', 'ip_range'"));
    expect(answer.body).toMatchObject({
      error: {
        details: {
          fields: [
            { name: "name" },
            {
              name: "ip_range",
              messages: ["must be an IPv4 range with zero host bits, such as 10.0.1.0/24"],
            },
          ],
        },
      },
    });
  });
});

describe("lists", () => {
  it("come in pages", async () => {
    const lab = await Lab.start();
    for (const n of [1, 2, 3, 4, 5]) await lab.make("placement_groups", { name: `g${n}`, type: "spread" });
    const pageOf = async (query: string) => (await lab.get(`/placement_groups${query}`)).body;
    expect(await pageOf("?page=2&per_page=2")).toMatchObject({
      placement_groups: [{ name: "g3" }, { name: "g4" }],
      meta: {
        pagination: {
          page: 2,
          per_page: 2,
          previous_page: 1,
          next_page: 3,
          last_page: 3,
          total_entries: 5,
        },
      },
    });
    expect(await pageOf("?page=3&per_page=2")).toMatchObject({ meta: { pagination: { next_page: null } } });
    expect(await pageOf("")).toMatchObject({ meta: { pagination: { per_page: 25, last_page: 1 } } });
    expect(await pageOf("?per_page=1000")).toMatchObject({ meta: { pagination: { per_page: 50 } } });
    expect(await lab.get("/placement_groups?page=0")).toMatchObject(problem(422, "invalid_input"));
    expect((await lab.get("/networks")).body).toMatchObject({
      networks: [],
      meta: { pagination: { total_entries: 0, last_page: 1 } },
    });
  });

  it("are filtered by name and labels", async () => {
    const lab = await Lab.start();
    const group = (name: string, labels: object) =>
      lab.make("placement_groups", { name, type: "spread", labels });
    await group("a", { stack: "dev", role: "server" });
    await group("b", { stack: "prod" });
    await group("c", {});
    const names = async (query: string) => {
      const { body } = await lab.get(`/placement_groups?${query}`);
      return (body as { placement_groups: { name: string }[] }).placement_groups.map(({ name }) => name);
    };
    const select = (selector: string) => names(`label_selector=${encodeURIComponent(selector)}`);
    expect(await names("name=b")).toEqual(["b"]);
    expect(await select("stack")).toEqual(["a", "b"]);
    expect(await select("!stack")).toEqual(["c"]);
    expect(await select("stack=dev")).toEqual(["a"]);
    expect(await select("stack==dev,role=server")).toEqual(["a"]);
    expect(await select("stack!=dev")).toEqual(["b", "c"]);
    expect(await select("stack in (dev, prod)")).toEqual(["a", "b"]);
    expect(await select("stack notin (dev)")).toEqual(["b", "c"]);
    expect(await lab.get("/placement_groups?label_selector=%3D%3D")).toMatchObject(
      problem(422, "invalid_input"),
    );
  });
});

describe("the catalog", () => {
  it("has what can be ordered, and where", async () => {
    const lab = await Lab.start();
    expect((await lab.get("/server_types?name=cx33")).body).toMatchObject({
      server_types: [
        {
          cores: 4,
          memory: 8,
          disk: 80,
          architecture: "x86",
          locations: [{ name: "fsn1" }, { name: "nbg1" }, { name: "hel1" }],
        },
      ],
    });
    const images = "/images?name=debian-13&architecture=arm&include_deprecated=true";
    expect((await lab.get(images)).body).toMatchObject({
      images: [{ architecture: "arm", name: "debian-13" }],
    });
    expect((await lab.get("/locations/4")).body).toMatchObject({ location: { network_zone: "us-east" } });
    expect(await lab.get("/server_types/1")).toMatchObject(problem(404, "not_found"));
  });
});

describe("the rate limit", () => {
  it("counts down, refuses, and says when the bucket is full again", async () => {
    const lab = await Lab.start({ rateLimit: SMALL_BUCKET });
    const first = await lab.get("/servers");
    expect(first.headers.get("ratelimit-limit")).toBe("3");
    expect(first.headers.get("ratelimit-remaining")).toBe("2");
    await lab.get("/servers");
    await lab.get("/servers");
    const refused = await lab.get("/servers");
    expect(refused).toMatchObject(problem(429, "rate_limit_exceeded"));
    expect(refused.headers.get("ratelimit-remaining")).toBe("0");
    expect(Number(refused.headers.get("ratelimit-reset"))).toBeGreaterThan(Date.now() / 1000 + 3600);
  });

  it("lets calls through again as the bucket fills", async () => {
    const lab = await Lab.start({ rateLimit: { burst: 1, perHour: 3_600_000 } });
    await lab.get("/servers");
    await expect.poll(async () => (await lab.get("/servers")).status).toBe(200);
  });
});

describe("faults", () => {
  it.each([
    [401, "unauthorized"],
    [403, "forbidden"],
    [404, "not_found"],
    [409, "conflict"],
    [422, "invalid_input"],
    [423, "locked"],
    [429, "rate_limit_exceeded"],
    [500, "server_error"],
    [503, "unavailable"],
  ])("answer %i %s as often as asked, and only what they are for", async (status, code) => {
    const lab = await Lab.start();
    lab.cloud.faults.add({ method: "POST", path: "/ssh_keys", status, times: 2 });
    expect((await lab.get("/ssh_keys")).status).toBe(200);
    expect(await lab.post("/ssh_keys")).toMatchObject(problem(status, code, "a fault, as asked for"));
    expect((await lab.post("/ssh_keys")).status).toBe(status);
    expect(lab.cloud.faults.left).toBe(0);
    expect(await lab.sshKey()).toBeGreaterThan(0);
  });

  it("match parts of a path", async () => {
    const lab = await Lab.start();
    const id = await lab.server();
    lab.cloud.faults.add({ path: "/servers/*/actions/poweroff", status: 423, code: "locked" });
    expect((await lab.get(`/servers/${id}`)).status).toBe(200);
    expect((await lab.post(`/servers/${id}/actions/poweroff`)).status).toBe(423);
  });

  it("drop the connection before or after the work", async () => {
    const lab = await Lab.start();
    const group = { name: "g", type: "spread" };
    lab.cloud.faults.add({ method: "POST", path: "/placement_groups", drop: "request" });
    await expect(lab.post("/placement_groups", group)).rejects.toThrow("fetch failed");
    expect((await lab.get("/placement_groups")).body).toMatchObject({ placement_groups: [] });
    lab.cloud.faults.add({ method: "POST", path: "/placement_groups", drop: "answer" });
    await expect(lab.post("/placement_groups", group)).rejects.toThrow("fetch failed");
    expect((await lab.get("/placement_groups")).body).toMatchObject({ placement_groups: [{ name: "g" }] });
  });

  it("can be set over HTTP from this machine", async () => {
    const lab = await Lab.start();
    const post = (body: object) =>
      fetch(new URL("/_lab/faults", lab.cloud.endpoint), { method: "POST", body: JSON.stringify(body) });
    expect((await post({ path: "/servers", status: 500 })).status).toBe(204);
    expect((await lab.get("/servers")).status).toBe(500);
    expect((await post({ path: "/servers" })).status).toBe(422);
  });

  it("are refused when they make no sense", () => {
    expect(() => new Faults().add({ path: "/servers" })).toThrow("wants either a status or a drop");
  });
});

describe("the lab's own controls", () => {
  it("are for this machine only", async () => {
    const lab = await Lab.start();
    const log = (): void => {};
    const store = new Store(lab.stateFile);
    const app = createApp({
      parts: { store, actions: new Actions(store, log), hypervisor: lab.hypervisor, balancers: recordsOnly },
      token: "t",
      readOnlyToken: undefined,
      bucket: new Bucket(HETZNER_RATE_LIMIT),
      faults: new Faults(),
      requests: new RequestLog(),
      controls: new Hono().get("/more", (c) => c.text("more")),
      log,
    });
    const from = (remoteAddress: string) => ({ incoming: { socket: { remoteAddress } } });
    const statusFor = async (address: string, path = "/_lab/requests") =>
      (await app.request(path, {}, from(address))).status;
    expect(await statusFor("198.51.100.11")).toBe(403);
    expect(await statusFor("127.0.0.1")).toBe(200);
    expect(await statusFor("::ffff:127.0.0.1")).toBe(200);
    expect(await statusFor("198.51.100.11", "/_lab/more")).toBe(403);
    expect(await statusFor("127.0.0.1", "/_lab/more")).toBe(200);
  });
});

describe("the log of requests", () => {
  it("counts by method and path", async () => {
    const lab = await Lab.start();
    const id = await lab.sshKey();
    await lab.get(`/ssh_keys/${id}`);
    await lab.get(`/ssh_keys/${id + 1}`);
    const answer = await fetch(new URL("/_lab/requests", lab.cloud.endpoint));
    expect(await answer.json()).toEqual({
      requests: [
        { method: "POST", path: "/ssh_keys", count: 1 },
        { method: "GET", path: "/ssh_keys/{id}", count: 2 },
      ],
    });
    expect(lab.cloud.requests()).toContainEqual({ method: "POST", path: "/ssh_keys", count: 1 });
  });
});
