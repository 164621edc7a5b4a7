/** The configuration of Supabase. */
import { z } from "zod";
import {
  addressPattern,
  count,
  databaseName,
  dnsName,
  eachOnce,
  fields,
  filled,
  hostLabel,
  httpUrl,
  isTime,
  matching,
} from "./values.ts";

const url = httpUrl("an http or https address such as https://www.example.org");

const origin = matching(
  "an http or https origin such as https://www.example.org, without a path",
  (v) => /^https?:/.test(v) && URL.canParse(v) && new URL(v).origin === v,
);

const time = matching("a day such as 2026-11-01, or a time such as 2026-11-01T12:00:00Z", isTime);

/** Those that sql/supabase makes, and lets clients into. */
const SCHEMAS = ["api", "graphql_public"] as const;

const generation = matching("a name of keys such as k1", (v) => /^[a-z][a-z0-9]{0,15}$/.test(v));

const keysSchema = fields({
  signing: generation.default("k1").describe("The keys that new tokens are signed by."),
  accepted: z
    .array(generation, { error: "a list of names of keys such as [k1]" })
    .min(1, "at least one name of keys")
    .refine(eachOnce, "each name of keys once")
    .default(["k1"])
    .describe(
      "Keys whose tokens are accepted. A rotation adds new ones here first, then signs by them, then takes the old ones away.",
    ),
  issuedAt: time
    .default("2026-01-01")
    .describe("When API keys begin. Fixed, or every run would make new ones."),
  expiresAt: time.default("2031-01-01").describe("When API keys end."),
  tokenSeconds: count(60, 604_800).default(3600).describe("How long a signed-in user's token is good."),
});

const storageSchema = fields({
  endpoint: url.describe("S3 endpoint, such as https://fsn1.your-objectstorage.com."),
  bucket: matching("a bucket's name", (v) => /^[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]$/.test(v)).describe(
    "Bucket of all files.",
  ),
  region: filled("a region such as fsn1").default("fsn1").describe("Region that requests are signed for."),
  largestFileBytes: count(1, 5_368_709_120)
    .default(52_428_800)
    .describe("Largest file that may be uploaded."),
});

const smtpSchema = fields({
  host: dnsName("a mail server's name").describe("Mail server."),
  port: count(1, 65_535).default(587).describe("Its port, with STARTTLS."),
  user: filled("a user's name").describe(
    "Who sends. The password is the secret gardenos:supabaseSecrets.smtpPassword.",
  ),
  from: matching("a mail address", (v) => /^[^@\s]+@[^@\s]+$/.test(v)).describe(
    "Address that mails come from.",
  ),
  senderName: filled("a name").default("Supabase").describe("Name that mails come from."),
});

/** Those of GoTrue that need a client id and a secret and nothing else. */
const PROVIDERS = [
  "azure",
  "bitbucket",
  "discord",
  "facebook",
  "figma",
  "github",
  "google",
  "slack_oidc",
  "spotify",
  "twitch",
] as const;

const oauthSchema = fields({
  clientId: filled("a client id").describe(
    "Id of the application at the provider. Its secret is gardenos:supabaseSecrets.oauth.<provider>.",
  ),
});

/** Services of which there may be more than two pods, or fewer. */
const SCALABLE = ["auth", "rest", "realtime", "storage", "gateway", "imgproxy", "functions"] as const;

export const supabaseSchema = fields({
  profile: z
    .enum(["none", "core", "full"], { error: "none, core or full" })
    .default("none")
    .describe(
      "core: auth, rest, realtime, storage and their gateway. full: imgproxy, meta, Studio and functions, too.",
    ),
  host: hostLabel("supabase")
    .default("supabase")
    .describe("Name under `domain` that the gateway is served by."),
  database: databaseName.default("app").describe("Database of all services, of those in postgres.databases."),
  rotation: count(0, 1_000_000)
    .default(0)
    .describe(
      "How often the passwords of the services' roles were rotated: one more draws new ones, and those of before end at once.",
    ),
  schemas: z
    .array(z.enum(SCHEMAS, { error: `one of ${SCHEMAS.join(", ")}` }), {
      error: "a list of schemas such as [api]",
    })
    .min(1, "at least one schema")
    .refine(eachOnce, "each schema once")
    .default(["api"])
    .describe(
      "Schemas that PostgREST serves, the first where a request names none: api, with what clients may see, and graphql_public. No others are opened to clients.",
    ),
  siteUrl: url
    .optional()
    .describe("Where users come back to after they have signed in. Without it the gateway's own address."),
  redirectUrls: z
    .array(addressPattern("an address such as https://*.example.org/**, without a user or a comma"), {
      error: "a list of addresses",
    })
    .default([])
    .describe("Further addresses that they may come back to."),
  corsOrigins: z
    .array(origin, { error: "a list of origins" })
    .optional()
    .describe("Pages of these origins may call the gateway. Without it those of siteUrl."),
  signUp: z.boolean({ error: "true or false" }).default(true).describe("Whether anybody may become a user."),
  replicas: z
    .partialRecord(z.enum(SCALABLE, { error: `one of ${SCALABLE.join(", ")}` }), count(1, 20), {
      error: "a map of services to numbers of pods",
    })
    .default({})
    .describe("Pods by service, where two are not enough."),
  keys: keysSchema.prefault({}).describe("Keys of tokens."),
  storage: storageSchema
    .optional()
    .describe(
      "Object storage. Keys are the secrets gardenos:supabaseSecrets.s3AccessKeyId and s3SecretAccessKey.",
    ),
  smtp: smtpSchema
    .optional()
    .describe("Mail server. Without it users are confirmed at once, and nobody can recover a password."),
  oauth: z
    .partialRecord(z.enum(PROVIDERS, { error: `one of ${PROVIDERS.join(", ")}` }), oauthSchema, {
      error: "a map of providers to their settings",
    })
    .default({})
    .describe("Identity providers."),
  functions: filled("a folder of this repository")
    .optional()
    .describe("Folder with the code of functions, one folder each."),
  studio: fields({
    host: hostLabel("studio")
      .optional()
      .describe(
        "Name under `domain` that Studio is served by, behind a password. Without it it is not served.",
      ),
  })
    .prefault({})
    .describe("Studio, in the profile full."),
});
