/** Envoy's configuration as the gateway: which ways there are. What Envoy does with it: test/supabase/gateway.test.ts. */
import { describe, expect, it } from "vitest";
import { gatewayConfig, luaTable, ROUTES } from "../../components/supabase-stack/gateway.ts";
import { planSupabase } from "../../plan/supabase.ts";
import { GOOD, settingsOf } from "../support/settings.ts";
import { KEYS } from "../support/supabase.ts";

it("keeps keys with characters that would end Lua's text out of its script", () => {
  expect(() => luaTable({ 'a"b': "c" })).toThrow("a key of the gateway has a character that no key has");
});

const STORAGE = { endpoint: "https://s3.example.org", bucket: "files" };

describe("the ways through the gateway", () => {
  const config = (supabase: object) =>
    gatewayConfig(
      planSupabase(
        settingsOf({ ...GOOD, domain: "example.org", supabase: { storage: STORAGE, ...supabase } }),
      ),
      { keys: KEYS, studioPassword: "p" },
    ) as Record<string, never>;

  it("lead to services that there are, and to no meta or Studio", () => {
    const text = JSON.stringify(config({ profile: "core" }));
    expect(text).not.toMatch(/"cluster":"(functions|meta|studio)"/);
    expect(JSON.stringify(config({ profile: "full", functions: "functions" }))).toContain(
      '"cluster":"functions"',
    );
  });

  it("let pages of the configured origins in, and no others", () => {
    const text = JSON.stringify(config({ profile: "core", siteUrl: "https://www.example.org/app" }));
    expect(text).toContain('"allow_origin_string_match":[{"exact":"https://www.example.org"}]');
  });

  it("need a key but for what mails, providers and public files lead to", () => {
    const open = ROUTES.filter((route) => route.open || route.keyOptional).map(({ prefix }) => prefix);
    expect(open).toEqual([
      ...[
        "/auth/v1/verify",
        "/auth/v1/callback",
        "/auth/v1/authorize",
        "/auth/v1/.well-known/",
        "/auth/v1/sso/saml/",
      ],
      ...["/storage/v1/", "/functions/v1/"],
    ]);
  });

  it("take no more clients than there is memory for, and answer the probe whatever there is", () => {
    const text = JSON.stringify(config({ profile: "core" }));
    expect(text).toContain('"max_active_downstream_connections":1000');
    expect(text.match(/"name":"(\w+)","ignore_global_conn_limit":true/g)).toEqual([
      '"name":"health","ignore_global_conn_limit":true',
    ]);
  });

  it("put what is narrower first", () => {
    for (const [i, { prefix }] of ROUTES.entries()) {
      const shadow = ROUTES.slice(0, i).find((earlier) => prefix.startsWith(earlier.prefix));
      expect([prefix, shadow?.prefix]).toEqual([prefix, undefined]);
    }
  });
});
