/** The whole program under mocks, with a stack's own configuration and fixed stand-ins for generated files. */
import { vi } from "vitest";
import { type Recording, record, useStackConfig } from "./record.ts";

const FIXTURES = "test/support/fixtures";

/** Files that exist on a real run (pinned hashes, the lab's keys), replaced by small ones of this folder. */
const FIXTURE_CONFIG: Readonly<Record<string, Readonly<Record<string, string>>>> = {
  dev: { "gardenos:artifacts": JSON.stringify({ manifest: `${FIXTURES}/manifest.json` }) },
  prod: { "gardenos:artifacts": JSON.stringify({ manifest: `${FIXTURES}/manifest.json` }) },
  lab: {
    "gardenos:artifacts": JSON.stringify({ manifest: `${FIXTURES}/lab-manifest.json` }),
    "gardenos:aiApiKey": "CANARY-ai-api-key",
    "gardenos:supabaseSecrets": JSON.stringify({
      s3AccessKeyId: "CANARY-s3-id",
      s3SecretAccessKey: "CANARY-s3-key",
    }),
    "gardenos:ssh": JSON.stringify({ authorizedKeys: { lab: `${FIXTURES}/admin.pub` } }),
    "gardenos:apt": JSON.stringify({
      uri: "http://192.0.2.1/debian",
      suite: "lab",
      components: ["main"],
      keyFile: `${FIXTURES}/apt-key.asc`,
    }),
  },
};

/** Runs index.ts of a stack; `overrides` are further config values, as JSON text. */
export function recordStack(
  stack: string,
  overrides: Readonly<Record<string, string>> = {},
): Promise<Recording> {
  vi.resetModules();
  useStackConfig(stack, { ...FIXTURE_CONFIG[stack], ...overrides });
  return record(async () => ({ ...(await import("../../index.ts")) }), stack);
}
