/** The configuration of FastAPI services, and of what they share. */
import { z } from "zod";
import {
  count,
  databaseName,
  fields,
  filled,
  hostLabel,
  httpUrl,
  matching,
  memory,
  seconds,
  text,
} from "./values.ts";

/** Registry, path, and a tag, a digest or both. */
const imageName = matching("an image such as ghcr.io/example/api:1.4.0@sha256:…", (v) =>
  /^[a-z0-9][a-z0-9.-]*(:\d+)?(\/[a-z0-9][a-z0-9._-]*)+(:\w[\w.-]{0,127})?(@sha256:[0-9a-f]{64})?$/.test(v),
);

const WORDS = "a list of words such as [uvicorn, app.main:app]";

/** No shell looks at it: one word with spaces would be looked for as a program of that name. */
const commandWords = z
  .array(
    matching("a word that is not blank", (v) => v.trim() !== ""),
    { error: WORDS },
  )
  .min(1, WORDS)
  .refine(
    ([first = "", ...rest]) => rest.length > 0 || !/\S\s+\S/.test(first),
    `${WORDS}: this is one word with spaces, so write each word as one of the list`,
  );

/** YAML makes a number of `1` and `0.5`. */
const cpuRequest = z.preprocess(
  (v) => (typeof v === "number" ? String(v) : v),
  matching(
    "a CPU request of 1m or more, such as 100m, 1 or 0.5",
    (v) => /^(\d{1,6}m|\d{1,3}(\.\d{1,3})?)$/.test(v) && Number.parseFloat(v) > 0,
  ),
);

const autoscaleSchema = fields({
  min: count(1, 50).default(2).describe("Pods at least."),
  max: count(1, 50).default(6).describe("Pods at most."),
  cpuPercent: count(10, 500).default(70).describe("Share of the CPU request that pods are kept at."),
});

/** One FastAPI service. The key in `services` is its name. */
export const serviceSchema = fields({
  image: imageName.describe("Image; in prod by digest."),
  command: commandWords.optional().describe("In place of the image's own."),
  port: count(1024, 65_535)
    .default(8000)
    .describe("Port that it listens on, with /healthz, /readyz and /metrics."),
  replicas: count(1, 50).optional().describe("Pods. Without it and without autoscale two."),
  autoscale: autoscaleSchema.optional().describe("Pods by load, in place of replicas."),
  workers: count(1, 16).default(1).describe("Processes of a pod (WEB_CONCURRENCY)."),
  cpu: cpuRequest.default("100m").describe("CPU request of a pod. There is no limit."),
  memory: memory("256Mi").default("256Mi").describe("Memory request and limit of a pod."),
  agents: z
    .record(
      matching("a kind of agent such as lead_analysis", (v) => /^[a-z][a-z0-9_]{0,39}$/.test(v)),
      count(0, 100),
      { error: "a map of kinds to numbers" },
    )
    .default({})
    .describe("Agents of a pod by kind, as AGENTS_KIND. A service with agents has the AI provider."),
  env: z
    .record(
      matching("a variable's name such as LOG_LEVEL", (v) => /^[A-Za-z_][A-Za-z0-9_]*$/.test(v)),
      text("a text"),
      { error: "a map of variables to texts" },
    )
    .default({})
    .describe("Variables that are no secret."),
  database: databaseName
    .optional()
    .describe(
      "Its database, of those in postgres.databases: DATABASE_HOST, _PORT, _NAME, _USER, _PASSWORD, _CA_FILE.",
    ),
  access: z
    .enum(["rw", "ro"], { error: "rw or ro" })
    .default("rw")
    .describe("Whether it writes to its database."),
  migrate: commandWords
    .optional()
    .describe(
      "Command that migrates the database, as its owner, before new pods start: [alembic, upgrade, head].",
    ),
  host: hostLabel("api")
    .optional()
    .describe("Name under `domain` that the ingress serves it by. Without it only pods reach it."),
  graceSeconds: seconds(1, 900).default(30).describe("Time to finish what it does when it is told to stop."),
});

export const aiSchema = fields({
  baseUrl: httpUrl("an http or https address up to the version, such as https://api.deepinfra.com/v1/openai")
    .default("https://api.deepinfra.com/v1/openai")
    .describe("OpenAI-compatible endpoint. Its key is the secret gardenos:aiApiKey."),
  model: filled("a model's name").default("deepseek-ai/DeepSeek-V3-0324").describe("Model that agents ask."),
});

export const tlsSchema = fields({
  mode: z
    .enum(["internal-ca", "acme"], { error: "internal-ca or acme" })
    .default("internal-ca")
    .describe(
      "internal-ca: certificates of an authority of the stack's own, exported for clients. acme: of Let's Encrypt, by cert-manager and HTTP-01.",
    ),
  email: matching("an address such as ops@example.org", (v) => /^[^\s@]+@[^\s@]+\.[^\s@]+$/.test(v))
    .optional()
    .describe(
      "Contact of the account at Let's Encrypt, where mode is acme. It no longer writes of certificates that are about to end.",
    ),
  directory: z
    .enum(["production", "staging"], { error: "production or staging" })
    .optional()
    .describe(
      "Let's Encrypt's directory. Without it production in the environment prod, and staging, which no browser trusts, in others.",
    ),
});
