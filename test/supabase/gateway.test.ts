/** A real Envoy with the rendered file, on loopback: where it leads, what it does with keys, and whom it lets in. */
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { createServer, request, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { stringify } from "yaml";
import { gatewayConfig } from "../../components/supabase-stack/gateway.ts";
import { planSupabase } from "../../plan/supabase.ts";
import { eventually } from "../machines/support/eventually.ts";
import { GOOD, settingsOf } from "../support/settings.ts";
import { ANON_TOKEN, KEYS, OLD_KEY, SERVICE_TOKEN } from "../support/supabase.ts";

const ENVOY = join(
  process.env["GARDENOS_TEST_ENVOY"] ?? "",
  "usr/lib/python3/dist-packages/envoy/_bin/envoy",
);
const PASSWORD = "studio-password-of-32-characters";
const ORIGIN = "https://www.example.org";

/** What a service saw. */
interface Seen {
  readonly service: string;
  readonly path: string;
  readonly headers: Readonly<Record<string, string>>;
}

let folder: string;
let envoy: ChildProcess;
let gateway: number;
const services = new Map<string, Server>();
const portOf = (server: Server): number => (server.address() as AddressInfo).port;

/** Answers with what it was asked. */
async function startService(name: string): Promise<number> {
  const server = createServer(({ url, headers }, answer) => {
    // As PostgREST and storage say it.
    answer
      .setHeader("access-control-allow-origin", "*")
      .setHeader("access-control-allow-credentials", "true");
    answer.end(JSON.stringify({ service: name, path: url, headers }));
  });
  // As Realtime's socket: it reads the key of this header, or of the query.
  server.on("upgrade", ({ headers }, socket) => {
    const known = headers["x-api-key"] === ANON_TOKEN;
    const status = known
      ? "101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket"
      : "403 Forbidden";
    socket.end(`HTTP/1.1 ${status}\r\n\r\n`);
  });
  // Whoever is connected decides when that ends.
  server.keepAliveTimeout = 0;
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  services.set(name, server);
  return portOf(server);
}

/** A port that nobody has at the moment. */
async function freePort(): Promise<number> {
  const server = createServer().listen(0, "127.0.0.1");
  await once(server, "listening");
  const port = portOf(server);
  server.close();
  await once(server, "close");
  return port;
}

/** The program's file, with services and listeners on loopback. */
async function onLoopback(config: object): Promise<string> {
  const ports: Record<string, number> = {};
  for (const name of ["auth", "rest", "realtime", "storage", "studio"])
    ports[name] = await startService(name);
  const listeners: Record<string, number> = { 8000: gateway, 9901: await freePort(), 9902: await freePort() };
  const text = JSON.stringify(config)
    .replace(
      /"([a-z]+)\.supabase\.svc\.cluster\.local","port_value":\d+/g,
      (_, name: string) => `"127.0.0.1","port_value":${ports[name]}`,
    )
    .replace(
      /"(?:0\.0\.0\.0|127\.0\.0\.1)","port_value":(8000|9901|9902)\b/g,
      (_, port: string) => `"127.0.0.1","port_value":${listeners[port]}`,
    );
  return stringify(JSON.parse(text));
}

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), "gardenos-envoy-"));
  gateway = await freePort();
  const supabase = {
    profile: "full",
    studio: { host: "studio" },
    siteUrl: ORIGIN,
    storage: { endpoint: "https://s3.example.org", bucket: "files" },
  };
  const plan = planSupabase(settingsOf({ ...GOOD, domain: "example.org", supabase }));
  const file = join(folder, "envoy.yaml");
  writeFileSync(file, await onLoopback(gatewayConfig(plan, { keys: KEYS, studioPassword: PASSWORD })), {
    mode: 0o600,
  });
  const args = ["-c", file, "--log-level", "warning", "--concurrency", "1", "--disable-hot-restart"];
  envoy = spawn("setpriv", ["--pdeathsig", "KILL", ENVOY, ...args], { stdio: "inherit" });
  await eventually(async () => void (await ask("/")));
});
afterAll(async () => {
  const ended = once(envoy, "exit");
  envoy.kill("SIGKILL");
  await ended;
  for (const server of services.values()) server.close();
  rmSync(folder, { recursive: true });
});

interface Answer {
  readonly status: number;
  readonly headers: Readonly<Record<string, string | string[] | undefined>>;
  readonly body: string;
}

async function ask(
  path: string,
  headers: Readonly<Record<string, string>> = {},
  method = "GET",
): Promise<Answer> {
  const asked = request({ host: "127.0.0.1", port: gateway, path, headers, method, agent: false }).end();
  const answer = await new Promise<import("node:http").IncomingMessage>((resolve, reject) => {
    asked.once("response", resolve).once("upgrade", resolve).once("error", reject);
  });
  const chunks: Buffer[] = [];
  if (answer.statusCode !== 101) for await (const chunk of answer) chunks.push(chunk);
  else asked.destroy();
  return { status: answer.statusCode ?? 0, headers: answer.headers, body: Buffer.concat(chunks).toString() };
}

/** What the service saw of a request that was let through. */
async function through(path: string, headers?: Readonly<Record<string, string>>): Promise<Seen> {
  const { status, body } = await ask(path, headers);
  expect(status, body).toBe(200);
  return JSON.parse(body);
}

const anon = { apikey: KEYS.publishableKey };

describe("a connection to a service", () => {
  it("is not kept when nobody uses it: one to a lost node would look like any other", async () => {
    const connections = () =>
      new Promise<number>((resolve, reject) => {
        services.get("rest")?.getConnections((error, count) => (error ? reject(error) : resolve(count)));
      });
    await through("/rest/v1/leads", anon);
    expect(await connections()).toBe(1);
    await eventually(async () => expect(await connections()).toBe(0), 5000);
  });
});

describe("a path", () => {
  it.each([
    ["/rest/v1/leads?select=id", "rest", "/leads?select=id"],
    ["/auth/v1/token?grant_type=password", "auth", "/token?grant_type=password"],
    ["/auth/v1/.well-known/jwks.json", "auth", "/.well-known/jwks.json"],
    ["/realtime/v1/api/broadcast", "realtime", "/api/broadcast"],
    ["/storage/v1/object/public/a.png", "storage", "/object/public/a.png"],
  ])("%s leads to %s", async (path, service, seen) => {
    expect(await through(path, anon)).toMatchObject({ service, path: seen });
  });

  it.each([
    "/realtime/v1/api/tenants",
    "/realtime/v1/api/tenants/realtime-dev",
    "/realtime/v1/api/%74enants",
    "/pg/query",
    "/",
  ])("%s leads nowhere, not even with the secret key", async (path) => {
    expect((await ask(path, { apikey: KEYS.secretKey })).status).toBe(404);
  });

  it.each(["/auth/v1/verify/../admin/users", "/auth/v1/verify/%2e%2e/admin/users", "/auth//v1/admin/users"])(
    "%s is taken for what the service would take it for, and needs a key",
    async (path) => {
      expect((await ask(path)).status).toBe(401);
      expect((await through(path, anon)).path).toBe("/admin/users");
    },
  );

  it("with slashes in disguise is asked for again without", async () => {
    const { status, headers } = await ask("/auth/v1/verify/..%2fadmin/users");
    expect([status, headers["location"]]).toEqual([307, expect.stringMatching(/\/auth\/v1\/admin\/users$/)]);
  });
});

describe("a key", () => {
  const path = "/rest/v1/leads?select=id";
  const seenBy = async (headers: Readonly<Record<string, string>>, asked = path) => {
    const { path: to, headers: seen } = await through(asked, headers);
    return [to, seen["authorization"], seen["apikey"]];
  };

  it("becomes the token that stands for it, and goes no further", async () => {
    expect(await seenBy(anon)).toEqual(["/leads?select=id", `Bearer ${ANON_TOKEN}`, undefined]);
    expect((await seenBy({ apikey: KEYS.secretKey }))[1]).toBe(`Bearer ${SERVICE_TOKEN}`);
    expect((await seenBy({ apikey: KEYS.anonKey }))[1]).toBe(`Bearer ${ANON_TOKEN}`);
    expect((await seenBy({ apikey: OLD_KEY }))[1]).toBe(`Bearer ${ANON_TOKEN}`);
  });

  it("may come in the query, as browsers' WebSockets must, and leaves it", async () => {
    const key = `apikey=${KEYS.publishableKey}`;
    for (const [asked, sent] of [
      [`/rest/v1/leads?${key}&select=id`, "/leads?select=id"],
      [`/rest/v1/leads?select=id&${key}`, "/leads?select=id"],
      [`/rest/v1/leads?${key}`, "/leads"],
    ] as const) {
      expect(await seenBy({}, asked)).toEqual([sent, `Bearer ${ANON_TOKEN}`, undefined]);
    }
  });

  it("as bearer, too, is replaced; the token of somebody who is signed in is not", async () => {
    const twice = { ...anon, authorization: `Bearer ${KEYS.publishableKey}` };
    expect((await seenBy(twice))[1]).toBe(`Bearer ${ANON_TOKEN}`);
    expect((await seenBy({ ...anon, authorization: "Bearer of.a.user" }))[1]).toBe("Bearer of.a.user");
  });

  it("as bearer counts by itself, whatever other key comes with it", async () => {
    const both = { ...anon, authorization: `Bearer ${KEYS.secretKey}` };
    expect((await seenBy(both))[1]).toBe(`Bearer ${SERVICE_TOKEN}`);
  });

  it("of nobody is refused, whatever else is shown", async () => {
    for (const headers of [{}, { apikey: "demo" }, { apikey: "" }, { authorization: "Bearer of.a.user" }]) {
      const { status, body } = await ask(path, headers);
      expect([status, body]).toEqual([
        401,
        '{"message":"no such API key: send a key of this stack as the header apikey"}',
      ]);
    }
  });

  it("is not asked for where mails, identity providers and public files lead", async () => {
    expect((await through("/auth/v1/verify?token=abc")).service).toBe("auth");
    expect((await through("/storage/v1/object/public/a.png?token=a&&b")).path).toBe(
      "/object/public/a.png?token=a&&b",
    );
  });

  it("of this stack becomes its token for storage, however it is shown", async () => {
    const file = "/storage/v1/object/files/a.png";
    const bearer = { authorization: `Bearer ${KEYS.publishableKey}` };
    for (const [headers, asked] of [
      [anon, file],
      [bearer, file],
      [{ ...anon, ...bearer }, file],
      [{}, `${file}?apikey=${KEYS.publishableKey}`],
    ] as const) {
      expect(await seenBy(headers, asked)).toEqual([
        "/object/files/a.png",
        `Bearer ${ANON_TOKEN}`,
        undefined,
      ]);
    }
  });

  it("of nobody is storage's own business", async () => {
    const file = "/storage/v1/object/files/a.png";
    expect((await seenBy({}, file))[1]).toBe(undefined);
    expect((await seenBy({ authorization: "Bearer of.a.user" }, file))[1]).toBe("Bearer of.a.user");
    expect((await seenBy({ apikey: "demo" }, file))[2]).toBe("demo");
  });
});

describe("storage", () => {
  it("is told what its paths begin with, and by nobody else", async () => {
    const { headers } = await through("/storage/v1/upload/resumable", { "x-forwarded-prefix": "/elsewhere" });
    expect(headers["x-forwarded-prefix"]).toBe("/storage/v1");
  });
});

describe("Studio", () => {
  const basic = (password: string) => `Basic ${Buffer.from(`studio:${password}`).toString("base64")}`;
  const host = "studio.example.org";

  it("is there by its host name, for who has the password, and does not see it", async () => {
    const { service, path, headers } = await through("/project/default", {
      host,
      authorization: basic(PASSWORD),
    });
    expect([service, path, headers["authorization"]]).toEqual(["studio", "/project/default", undefined]);
  });

  it("is there for nobody else, whatever key is shown", async () => {
    for (const headers of [{}, { authorization: basic("wrong") }, { apikey: KEYS.secretKey }]) {
      expect((await ask("/project/default", { host, ...headers })).status).toBe(401);
    }
  });

  it("asks no other host's clients for a password", async () => {
    expect((await through("/rest/v1/leads", anon)).service).toBe("rest");
    expect((await ask("/project/default", { apikey: KEYS.secretKey })).status).toBe(404);
    expect((await ask("/rest/v1/leads")).headers).not.toHaveProperty("www-authenticate");
  });
});

describe("a browser", () => {
  const preflight = (origin: string, path = "/rest/v1/leads") =>
    ask(
      path,
      { origin, "access-control-request-method": "POST", "access-control-request-headers": "apikey" },
      "OPTIONS",
    );

  it("may call from a page of the configured origins", async () => {
    const { status, headers } = await preflight(ORIGIN);
    expect([status, headers["access-control-allow-origin"]]).toEqual([200, ORIGIN]);
    expect(headers["access-control-allow-headers"]).toContain("apikey");
  });

  it("may not from any other", async () => {
    const { headers, body } = await preflight("https://evil.example", "/storage/v1/object/a.png");
    expect([headers["access-control-allow-origin"], body]).toEqual([undefined, ""]);
  });

  it("hears of origins from the gateway alone, whatever a service says", async () => {
    const heard = async (origin: string) => {
      const { status, headers } = await ask("/rest/v1/leads", { ...anon, origin });
      return [status, headers["access-control-allow-origin"], headers["access-control-allow-credentials"]];
    };
    expect(await heard("https://evil.example")).toEqual([200, undefined, undefined]);
    expect(await heard(ORIGIN)).toEqual([200, ORIGIN, undefined]);
  });

  it("opens a WebSocket with its key", async () => {
    const upgrade = { connection: "Upgrade", upgrade: "websocket" };
    expect((await ask(`/realtime/v1/websocket?apikey=${KEYS.publishableKey}`, upgrade)).status).toBe(101);
    expect((await ask("/realtime/v1/websocket", upgrade)).status).toBe(401);
  });
});
