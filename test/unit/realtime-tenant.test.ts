/** The script that makes Realtime's tenant, against a server that answers as Realtime's API does. */
import { spawn } from "node:child_process";
import { createHmac } from "node:crypto";
import { once } from "node:events";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { text } from "node:stream/consumers";
import { afterEach, expect, it } from "vitest";
import { readRepositoryFile } from "../../lib/repository-file.ts";

const SECRET = "CANARY-api-secret";
const TENANT = {
  jwt_secret: "CANARY-jwt-secret",
  extensions: [{ settings: { db_password: "CANARY-password" } }],
};
const UPSERT = "PUT /api/tenants/realtime-dev";
const HEALTH = "GET /api/tenants/realtime-dev/health";

interface Asked {
  readonly what: string;
  readonly authorization: string;
  readonly body: string;
}

/** Status and body. */
type Answer = readonly [status: number, body: unknown];
const created: Answer = [201, { data: {} }];
const health = (healthy: boolean, clients = 0): Answer => [
  200,
  { data: { healthy, connected_cluster: clients } },
];

let server: Server | undefined;
afterEach(() => server?.close());

/** Answers each kind of request with these in turn, and then with the last of them. */
async function realtime(answers: Readonly<Record<string, readonly Answer[]>>) {
  const asked: Asked[] = [];
  server = createServer(async (request, response) => {
    const what = `${request.method} ${request.url}`;
    const before = asked.filter((each) => each.what === what).length;
    asked.push({ what, authorization: request.headers.authorization ?? "", body: await text(request) });
    const [status, body] = answers[what]?.[before] ??
      answers[what]?.at(-1) ?? [404, { message: "not found" }];
    response.writeHead(status, { "content-type": "application/json" }).end(JSON.stringify(body));
  }).listen(0, "127.0.0.1");
  await once(server, "listening");
  return { asked, url: `http://127.0.0.1:${(server.address() as AddressInfo).port}` };
}

async function run(url: string, seconds = 20) {
  const env = {
    ...{ PATH: process.env["PATH"], REALTIME_URL: url, TENANT_NAME: "realtime-dev", API_JWT_SECRET: SECRET },
    ...{ TENANT: JSON.stringify(TENANT), TRY_SECONDS: String(seconds) },
  };
  const script = spawn("python3", ["-IBc", readRepositoryFile("files/supabase/tenant.py")], { env });
  const [said, complaint, [status]] = await Promise.all([
    text(script.stdout),
    text(script.stderr),
    once(script, "exit"),
  ]);
  expect(said + complaint).not.toContain("CANARY");
  return { said, complaint, status };
}

const decoded = (part = "") => JSON.parse(Buffer.from(part, "base64url").toString());

it("sends the tenant with a token by the API's secret, which ends", async () => {
  const { asked, url } = await realtime({ [UPSERT]: [created], [HEALTH]: [health(true)] });
  expect(await run(url)).toMatchObject({ said: "the tenant realtime-dev is as wanted\n", status: 0 });
  expect(asked.map(({ what }) => what)).toEqual([UPSERT, HEALTH]);
  expect(JSON.parse(asked[0]?.body ?? "")).toEqual({ tenant: TENANT });
  const [head, claims, signature] = (asked[0]?.authorization ?? "").replace(/^Bearer /, "").split(".");
  expect(signature).toBe(createHmac("sha256", SECRET).update(`${head}.${claims}`).digest("base64url"));
  expect(decoded(head)).toEqual({ alg: "HS256", typ: "JWT" });
  const { iat, exp } = decoded(claims);
  expect(Math.abs(iat - Date.now() / 1000)).toBeLessThan(60);
  expect(exp - iat).toBe(3600);
});

it("tries again while Realtime starts", async () => {
  const { asked, url } = await realtime({ [UPSERT]: [[503, {}], created], [HEALTH]: [health(true)] });
  expect(await run(url)).toMatchObject({ said: expect.stringContaining("503"), status: 0 });
  expect(asked.map(({ what }) => what)).toEqual([UPSERT, UPSERT, HEALTH]);
});

it("waits for the migration of a tenant that was there already", async () => {
  const updated: Answer = [200, { data: {} }];
  const { asked, url } = await realtime({ [UPSERT]: [updated], [HEALTH]: [health(false), health(true)] });
  expect((await run(url)).status).toBe(0);
  expect(asked.map(({ what }) => what)).toEqual([UPSERT, HEALTH, HEALTH]);
});

it("does not wait for clients to come back to a tenant that has some", async () => {
  const { url } = await realtime({ [UPSERT]: [created], [HEALTH]: [health(false, 3)] });
  expect((await run(url)).status).toBe(0);
});

it.each([
  [
    "another secret of the API",
    [403, {}],
    "403: it does not take the token, so its API_JWT_SECRET is another",
  ],
  ["a database that it can't migrate", [401, { message: "Unauthorized" }], "could not migrate its database"],
  ["settings that it does not take", [422, { errors: ["db_host can't be blank"] }], "db_host can't be blank"],
] as const)("gives up with the reason: %s", async (_, answer, reason) => {
  const { url } = await realtime({ [UPSERT]: [answer] });
  const { complaint, status } = await run(url, 0);
  expect(status).toBe(1);
  expect(complaint).toContain("not within 0 s: PUT /api/tenants/realtime-dev: ");
  expect(complaint).toContain(reason);
});

it("gives up with the reason: nobody listens, or a database is not migrated", async () => {
  const { url } = await realtime({ [UPSERT]: [created], [HEALTH]: [health(false)] });
  expect((await run(url, 0)).complaint).toContain("Realtime has not migrated the tenant's database");
  server?.close();
  expect(await run(url, 0)).toMatchObject({ complaint: expect.stringContaining("refused"), status: 1 });
});
