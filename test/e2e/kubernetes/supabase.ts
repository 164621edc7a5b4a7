/** Supabase as its clients meet it: over HTTPS, by keys of this stack and no others. Services are stand-ins: lab/images/stand-in. */
import { createHmac } from "node:crypto";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { beforeAll, describe, expect, it } from "vitest";
import type { StackExports } from "../../../exports.ts";
import { psql } from "../support/postgres.ts";
import { cluster, lab } from "./stack.ts";

type Supabase = NonNullable<StackExports["supabase"]>;

let supabase: Supabase;
let entry: string;
let caFile: string;

/** Status and body of a request from outside. */
async function ask(path: string, headers: Readonly<Record<string, string>> = {}) {
  const host = new URL(supabase.url).hostname;
  const { stdout, all } = await lab.lab(
    ...["exec", "--", "curl", "-sS", "--max-time", "10", "--cacert", caFile, "-w", "\n%{http_code}"],
    ...["--resolve", `${host}:443:${entry}`],
    ...Object.entries(headers).flatMap(([name, value]) => ["-H", `${name}: ${value}`]),
    `${supabase.url}${path}`,
  );
  const lines = stdout.split("\n");
  return { status: Number(lines.pop()), body: lines.join("\n"), all };
}

const base64url = (value: object) => Buffer.from(JSON.stringify(value)).toString("base64url");

/** A token by somebody's shared secret. */
function tokenBy(secret: string, claims: object): string {
  const text = `${base64url({ alg: "HS256", typ: "JWT" })}.${base64url(claims)}`;
  return `${text}.${createHmac("sha256", secret).update(text).digest("base64url")}`;
}

beforeAll(async () => {
  entry = await cluster.entry();
  supabase = JSON.parse(await lab.must("output", "supabase", "--json", "--show-secrets"));
  caFile = join(lab.dir, ".lab/supabase-ca.pem");
  writeFileSync(caFile, supabase.caPem ?? "");
  const table = "CREATE TABLE IF NOT EXISTS api.notes (text text); GRANT SELECT ON api.notes TO anon;";
  const row = "INSERT INTO api.notes VALUES ('hello');";
  const policy = "CREATE POLICY everybody ON api.notes FOR SELECT TO service_role USING (true);";
  await psql(lab, `SET ROLE app_owner; ${table} ${row} ${policy}`, "app");
});

describe("Supabase", () => {
  it("runs each service with the rights that it wants and no more, as its stand-in has found", async () => {
    for (const service of ["auth", "rest", "realtime", "storage"]) {
      const log = await cluster.get("-n", "supabase", "logs", `deployment/${service}`, "--tail=-1");
      expect(log, service).toContain(`stand-in for ${service}: ready`);
    }
  });

  it("has Realtime's tenant, by whose settings Realtime's stand-in gets into the database", async () => {
    const log = await cluster.get("-n", "supabase", "logs", "job/realtime-tenant");
    expect(log).toContain("the tenant realtime-dev is as wanted");
  });

  it("accepts its own keys, legacy and new ones, each with the rows of its role", async () => {
    const rows = [{ text: "hello" }];
    for (const [key, seen] of [
      [supabase.publishableKey, []],
      [supabase.anonKey, []],
      [supabase.secretKey, rows],
      [supabase.serviceRoleKey, rows],
    ] as const) {
      const { status, body, all } = await ask("/rest/v1/notes", { apikey: key });
      expect([status, JSON.parse(body || "null")], all).toEqual([200, seen]);
    }
  });

  it("refuses whoever shows no key, or nobody's", async () => {
    expect((await ask("/rest/v1/notes")).status).toBe(401);
    expect((await ask("/rest/v1/notes", { apikey: "sb_publishable_nobody_s" })).status).toBe(401);
    expect((await ask("/realtime/v1/api/tenants", { apikey: supabase.secretKey })).status).toBe(404);
  });

  it.each([
    ["the examples'", "your-super-secret-jwt-token-with-at-least-32-characters-long", 4_000_000_000],
    ["another stack's", "another-stack-s-secret-of-more-than-32-characters", 4_000_000_000],
  ])("refuses a token by %s secret", async (_, secret, exp) => {
    const authorization = `Bearer ${tokenBy(secret, { role: "service_role", iss: "supabase", exp })}`;
    const { status, body } = await ask("/rest/v1/notes", { apikey: supabase.publishableKey, authorization });
    expect([status, body]).toEqual([401, expect.stringContaining("no key of this stack has signed it")]);
  });

  it("refuses a token of its own that has expired", async () => {
    const field = "jsonpath={.data.PGRST_JWT_SECRET}";
    const encoded = await cluster.get("-n", "supabase", "get", "secret", "rest", "-o", field);
    const { keys } = JSON.parse(Buffer.from(encoded, "base64").toString()) as {
      keys: { kty: string; k?: string }[];
    };
    const secret = Buffer.from(keys.find(({ kty }) => kty === "oct")?.k ?? "", "base64url").toString();
    const token = (exp: number) => tokenBy(secret, { role: "service_role", iss: "supabase", exp });
    const shown = (exp: number) => ({
      apikey: supabase.publishableKey,
      authorization: `Bearer ${token(exp)}`,
    });
    expect((await ask("/rest/v1/notes", shown(4_000_000_000))).status).toBe(200);
    const { status, body } = await ask("/rest/v1/notes", shown(1_700_000_000));
    expect([status, body]).toEqual([401, expect.stringContaining("JWT expired")]);
  });

  it("serves nothing of the application's own schema", async () => {
    expect((await ask("/rest/v1/leads", { apikey: supabase.secretKey })).status).toBe(404);
  });
});
