/** Supabase's settings and secrets: what is refused, and with which words. */
import { describe, expect, it } from "vitest";
import { parseSettings } from "../../config/parse.ts";
import { checkSupabaseSecrets } from "../../config/supabase-secrets.ts";
import { checkSettings } from "../../plan/checks.ts";
import { planSupabase } from "../../plan/supabase.ts";
import { GOOD, problemsOf, settingsOf } from "../support/settings.ts";

const CORE = { profile: "core", storage: { endpoint: "https://s3.example.org", bucket: "files" } };

const whole = (supabase: object = {}, more: object = {}) => ({
  ...{ ...GOOD, domain: "example.org", ...more },
  supabase: { ...CORE, ...supabase },
});

/** Field → want of every problem. */
const found = (supabase: object = {}, more: object = {}) =>
  Object.fromEntries(problemsOf(whole(supabase, more)).map(({ field, want }) => [field, want]));

describe("settings", () => {
  it("that are right are right", () => {
    expect(found()).toEqual({});
    expect(
      found({ profile: "none", storage: undefined, keys: { signing: "k9" } }, { domain: undefined }),
    ).toEqual({});
  });

  it("name a database, a domain and a place for files", () => {
    expect(found({ database: "constructor" })).toEqual({
      "gardenos:supabase.database": "a database of postgres.databases: app",
    });
    expect(found({ database: "shop", storage: undefined }, { domain: undefined })).toEqual({
      "gardenos:domain": "the domain of Supabase (host supabase)",
      "gardenos:supabase.database": "a database of postgres.databases: app",
      "gardenos:supabase.storage":
        "an S3 endpoint and a bucket: files on a node's disk would be lost with it",
    });
  });

  it("are left out, and want nothing, in a stack without Postgres", () => {
    const services = { api: { image: "registry.example/api:1", host: "api", database: "shop" } };
    const more = { domain: undefined, services, profile: "kubernetes" };
    expect(found({ database: "shop", storage: undefined }, more)).toEqual({});
    expect(found({ database: "shop", storage: undefined }, { ...more, profile: "hosts" })).toEqual({});
  });

  it("sign by keys that are accepted, for a while", () => {
    expect(found({ keys: { signing: "k2", issuedAt: "2030-01-01", expiresAt: "2029-01-01" } })).toEqual({
      "gardenos:supabase.keys.expiresAt": "a time after issuedAt (2030-01-01)",
      "gardenos:supabase.keys.signing":
        "one of the accepted keys: k1. New ones are accepted first, by a run of their own",
    });
    expect(found({ keys: { signing: "k2", accepted: ["k1", "k2"] } })).toEqual({});
  });

  it("name each key once", () => {
    expect(found({ keys: { accepted: ["k1", "k1"] } })).toEqual({
      "gardenos:supabase.keys.accepted": "each name of keys once",
    });
  });

  it("have times that a calendar has, with a zone", () => {
    const want = "a day such as 2026-11-01, or a time such as 2026-11-01T12:00:00Z";
    const expiry = (expiresAt: string) => found({ keys: { expiresAt } });
    const wrong = [
      "2031-02-30",
      "2031-01-01T12:00:00",
      "2031-01-01 12:00",
      "2031-13-01",
      "2031-01-01Z",
      "2031",
    ];
    for (const time of [...wrong, "2031-01-01T24:00:00Z", "2031-01-01T12:00Z"]) {
      expect([time, expiry(time)]).toEqual([time, { "gardenos:supabase.keys.expiresAt": want }]);
    }
    for (const time of ["2032-02-29", "2031-01-01T12:00:00Z", "2031-01-01T12:00:00.5+01:00"]) {
      expect([time, expiry(time)]).toEqual([time, {}]);
    }
  });

  it("have keys that end after they begin, by a whole second, and not yet", () => {
    const keys = (issuedAt: string, expiresAt: string, now = "2026-11-27") => {
      const { settings } = parseSettings(whole({ keys: { issuedAt, expiresAt } }));
      return checkSettings(settings, { project: "p", stack: "s" }, 0, Date.parse(now));
    };
    expect(keys("2028-03-01T00:00:00.1Z", "2028-03-01T00:00:00.9Z")).toEqual([
      {
        field: "gardenos:supabase.keys.expiresAt",
        got: "2028-03-01T00:00:00.9Z",
        want: "a time after issuedAt (2028-03-01T00:00:00.1Z)",
        fix: "pulumi config set --path 'gardenos:supabase.keys.expiresAt' 2033-03-01",
      },
    ]);
    expect(keys("2026-01-01", "2026-11-27")).toEqual([
      {
        field: "gardenos:supabase.keys.expiresAt",
        got: "2026-11-27",
        want: "a time to come: the API keys have ended",
        fix: "pulumi config set --path 'gardenos:supabase.keys.expiresAt' 2031-11-27, then replace the keys: npm run -s ops -- --stack <stack> supabase rotate",
      },
    ]);
    expect(keys("2026-01-01", "2026-11-27", "2026-11-26")).toEqual([]);
  });

  it("serve only the schemas that clients are let into, each once", () => {
    const want = "one of api, graphql_public";
    expect(found({ schemas: ["api", "auth", "shop"] })).toEqual({
      "gardenos:supabase.schemas[1]": want,
      "gardenos:supabase.schemas[2]": want,
    });
    expect(found({ schemas: ["api", "api"] })).toEqual({ "gardenos:supabase.schemas": "each schema once" });
    expect(found({ schemas: ["graphql_public", "api"] })).toEqual({});
  });

  it("have no empty texts", () => {
    const storage = { ...CORE.storage, region: "" };
    const smtp = { host: "mail.example.org", user: " ", from: "a@example.org", senderName: "" };
    expect(found({ storage, smtp, oauth: { github: { clientId: "" } } })).toEqual({
      "gardenos:supabase.storage.region": "a region such as fsn1",
      "gardenos:supabase.smtp.user": "a user's name",
      "gardenos:supabase.smtp.senderName": "a name",
      "gardenos:supabase.oauth.github.clientId": "a client id",
    });
  });

  it("have addresses without secrets, https in prod", () => {
    const secret = "https://user:CANARY@example.org/x";
    const all = { siteUrl: secret, redirectUrls: [secret], storage: { endpoint: secret, bucket: "files" } };
    const problems = problemsOf(whole({ ...all, corsOrigins: [secret] }));
    expect(problems.map(({ field, got }) => [field, got])).toEqual(
      ["siteUrl", "redirectUrls[0]", "corsOrigins[0]", "storage.endpoint"].map((field) => [
        `gardenos:supabase.${field}`,
        "a value that is not shown",
      ]),
    );
    const storage = { endpoint: "http://s3.example.org", bucket: "files" };
    expect(found({ storage })).toEqual({});
    expect(found({ storage }, { environment: "prod" })).toEqual({
      "gardenos:supabase.storage.endpoint": "an https address in prod: everybody's files pass there",
    });
  });

  it("let pages of http and https in, and send users to what has no comma", () => {
    expect(
      found({ corsOrigins: ["ftp://example.org"], redirectUrls: ["https://a.org,https://b.org"] }),
    ).toEqual({
      "gardenos:supabase.corsOrigins[0]":
        "an http or https origin such as https://www.example.org, without a path",
      "gardenos:supabase.redirectUrls[0]":
        "an address such as https://*.example.org/**, without a user or a comma",
    });
    expect(found({ redirectUrls: ["https://*.example.org/**", "myapp://callback"] })).toEqual({});
  });

  it("have a host name of their own", () => {
    const services = { api: { image: "registry.example/api:1", host: "supabase" } };
    expect(found({}, { services })).toEqual({
      "gardenos:supabase.host": "a name of its own: api has this one",
    });
    expect(found({ host: "supabase.example.org" })).toEqual({
      "gardenos:supabase.host":
        "a name such as supabase: gardenos:domain is put behind it, so write supabase, not supabase.example.org",
    });
    expect(found({ profile: "full", studio: { host: "supabase" } })).toEqual({
      "gardenos:supabase.studio.host": "a name of its own: gardenos:supabase.host has this one",
    });
  });

  it("are for services that run", () => {
    const replicas = { auth: 3, imgproxy: 3, functions: 1 };
    const effects = (supabase: object) => {
      const entries = Object.entries(found(supabase)).map(([field, want]) => [field, want.split(": ")[1]]);
      return Object.fromEntries(entries);
    };
    expect(effects({ functions: "functions", studio: { host: "studio" }, replicas })).toEqual({
      "gardenos:supabase.functions": "it has no effect, functions runs in the profile full only",
      "gardenos:supabase.studio.host": "it has no effect, studio runs in the profile full only",
      "gardenos:supabase.replicas.imgproxy": "it has no effect, imgproxy runs in the profile full only",
      "gardenos:supabase.replicas.functions": "it has no effect, functions runs in the profile full only",
    });
    const roomy = { profile: "full", studio: { host: "studio" }, replicas: { imgproxy: 2, functions: 1 } };
    expect(effects(roomy)).toEqual({
      "gardenos:supabase.replicas.functions":
        "it has no effect, functions runs where there is a folder of functions",
    });
    expect(effects({ ...roomy, functions: "functions" })).toEqual({});
  });

  it("are served by an ingress", () => {
    expect(found({}, { ingress: { class: "none" } })).toEqual({
      "gardenos:ingress.class": "traefik: nothing else would serve Supabase (host supabase)",
    });
  });

  it("know the providers that need an id and a secret", () => {
    const oauth = { myspace: { clientId: "id" }, github: { clientId: "id" } };
    expect(found({ oauth })).toEqual({ "gardenos:supabase.oauth.myspace": "no such key" });
  });

  it("let pages of siteUrl in, where nothing else is said", () => {
    const plan = (supabase: object) => planSupabase(settingsOf(whole(supabase)));
    expect(plan({}).corsOrigins).toEqual(["https://supabase.example.org"]);
    expect(plan({ siteUrl: "https://www.example.org/app" }).corsOrigins).toEqual(["https://www.example.org"]);
    expect(plan({ corsOrigins: [] }).corsOrigins).toEqual([]);
  });
});

describe("secrets", () => {
  const needs = { storage: true, smtp: true, oauth: ["github"], keys: ["k1", "k2"] };
  const good = {
    ...{ s3AccessKeyId: "12345678", s3SecretAccessKey: "12345678", smtpPassword: "12345678" },
    oauth: { github: "12345678" },
  };
  const wrong = (raw: unknown) =>
    Object.fromEntries(
      checkSupabaseSecrets(raw, needs).map(({ field, want }) => [
        field.replace("gardenos:supabaseSecrets.", ""),
        want,
      ]),
    );

  it("are those that the settings want", () => {
    expect(wrong(good)).toEqual({});
    expect(Object.keys(wrong(undefined))).toEqual([
      "s3AccessKeyId",
      "s3SecretAccessKey",
      "smtpPassword",
      "oauth.github",
    ]);
    expect(checkSupabaseSecrets(undefined, undefined)).toEqual([]);
  });

  it("may bring an earlier JWT_SECRET, and no short one, nobody's, or the examples'", () => {
    const demo = "your-super-secret-jwt-token-with-at-least-32-characters-long";
    expect(wrong({ ...good, jwtSecrets: { k1: demo, k2: "short", k3: "x".repeat(32) } })).toEqual({
      "jwtSecrets.k1": "a secret of your own: this one is in Supabase's examples, and everybody's",
      "jwtSecrets.k2": "32 characters or more",
      "jwtSecrets.k3": "one of supabase.keys.accepted: k1, k2",
    });
    expect(wrong({ ...good, jwtSecrets: { k1: "x".repeat(32) } })).toEqual({});
  });

  it("are known by name, for providers and keys that there are", () => {
    const raw = { ...good, s3Secret: "CANARY", oauth: { github: "12345678", google: "CANARY" } };
    expect(checkSupabaseSecrets({ ...raw, jwtSecrets: { k9: "CANARY" } }, needs)).toEqual([
      {
        field: "gardenos:supabaseSecrets.s3Secret",
        got: "a value that is not shown",
        want: "one of s3AccessKeyId, s3SecretAccessKey, smtpPassword, oauth, jwtSecrets",
        fix: "pulumi config rm --path 'gardenos:supabaseSecrets.s3Secret'",
      },
      {
        field: "gardenos:supabaseSecrets.oauth.google",
        got: "a value that is not shown",
        want: "a provider of supabase.oauth: github",
        fix: "configure gardenos:supabase.oauth.google, or pulumi config rm --path 'gardenos:supabaseSecrets.oauth.google'",
      },
      {
        field: "gardenos:supabaseSecrets.jwtSecrets.k9",
        got: "a value that is not shown",
        want: "one of supabase.keys.accepted: k1, k2",
        fix: "add k9 to gardenos:supabase.keys.accepted, or pulumi config rm --path 'gardenos:supabaseSecrets.jwtSecrets.k9'",
      },
    ]);
    expect(wrong({ ...good, oauth: "CANARY" })).toEqual({ oauth: "a map of providers to client secrets" });
  });

  it("have no white space where it would be a mistake of copying", () => {
    const spaces = { s3AccessKeyId: "12345678\n", s3SecretAccessKey: "1234 5678" };
    const demo = " Your-Super-Secret-JWT-Token-With-At-Least-32-Characters-Long\n";
    expect(wrong({ ...good, ...spaces, jwtSecrets: { k1: `${"x".repeat(32)}\n`, k2: demo } })).toEqual({
      s3AccessKeyId: "a key without white space",
      s3SecretAccessKey: "a key without white space",
      "jwtSecrets.k1": "a secret without white space",
      "jwtSecrets.k2": "a secret of your own: this one is in Supabase's examples, and everybody's",
    });
  });

  it("are never shown, not even wrong ones", () => {
    expect(JSON.stringify(checkSupabaseSecrets({ ...good, smtpPassword: "CANARY" }, needs))).not.toContain(
      "CANARY",
    );
    expect(JSON.stringify(checkSupabaseSecrets("CANARY", needs))).not.toContain("CANARY");
  });
});
