/** Realtime's tenant: what it says, when the Job that makes it runs again, and whom that may talk to. */
import { describe, expect, it } from "vitest";
import type { Recording } from "../support/record.ts";
import { listed, make, named, SECRETS } from "./support/supabase-stack.ts";

const JOB = "realtime-tenant";

function secretOf(recording: Recording): Record<string, string> {
  const data = named(recording, "Secret", JOB).plain["data"] as Record<string, string>;
  const texts = Object.entries(data).map(([key, text]) => [key, Buffer.from(text, "base64").toString()]);
  return Object.fromEntries(texts);
}

const jobOf = (recording: Recording) =>
  named(recording, "Job", JOB).plain as {
    metadata: { annotations: object };
    spec: {
      backoffLimit: number;
      template: {
        metadata: { labels: object; annotations: { "gardenos/config": string } };
        spec: { containers: { image: string; command: string[]; env: object[]; securityContext: object }[] };
      };
    };
  };

const configOf = async (...args: Parameters<typeof make>) =>
  jobOf(await make(...args)).spec.template.metadata.annotations["gardenos/config"];

describe("Realtime's tenant", () => {
  it("reaches the database by TLS, as Realtime's own role", async () => {
    const { TENANT = "" } = secretOf(await make());
    expect(JSON.parse(TENANT)).toEqual({
      jwt_secret: "CANARY-supabase-keys-k1-secret",
      jwt_jwks: { keys: [expect.objectContaining({ kty: "EC" }), expect.objectContaining({ kty: "oct" })] },
      extensions: [
        {
          type: "postgres_cdc_rls",
          settings: {
            ...{ db_host: "postgres-primary.postgres-cluster", db_port: "5432", db_name: "app" },
            db_user: "supabase_realtime",
            db_password: "CANARY-supabase-supabase_realtime-password",
            ...{ ssl_enforced: true, region: "us-east-1" },
            ...{ poll_interval_ms: 100, poll_max_record_bytes: 1_048_576 },
          },
        },
      ],
    });
  });

  it("is not made by Realtime's own seed", async () => {
    const spec = JSON.stringify(named(await make(), "Deployment", "realtime").plain["spec"]);
    expect(spec).not.toContain("SEED_SELF_HOST");
  });

  it("is made with a secret that signs nobody's keys", async () => {
    const recording = await make();
    expect(secretOf(recording)["API_JWT_SECRET"]).toBe("CANARY-supabase-realtime-api");
    const data = named(recording, "Secret", "realtime").plain["data"] as Record<string, string>;
    expect(Buffer.from(data["API_JWT_SECRET"] ?? "", "base64").toString()).toBe(
      "CANARY-supabase-realtime-api",
    );
  });

  it("has no private key", async () => {
    expect(secretOf(await make())["TENANT"]).not.toMatch(/"d":/);
  });
});

describe("the Job that makes it", () => {
  it("comes after Realtime, and before the gateway", async () => {
    const recording = await make();
    expect(named(recording, "Secret", JOB).dependsOn).toContain("supabase/realtime");
    expect(named(recording, "Job", JOB).dependsOn).toContain(`supabase/${JOB}`);
    expect(named(recording, "Secret", "gateway").dependsOn).toContain(`supabase/${JOB}`);
  });

  it("runs in Postgres' image, with nothing secret but by name", async () => {
    const [container] = jobOf(await make()).spec.template.spec.containers;
    expect(container?.image).toBe("registry.example/postgres:1");
    const secret = (key: string) => ({ name: key, valueFrom: { secretKeyRef: { name: JOB, key } } });
    expect(container?.env).toEqual([
      { name: "REALTIME_URL", value: "http://realtime:4000" },
      { name: "TENANT_NAME", value: "realtime-dev" },
      { name: "TRY_SECONDS", value: "120" },
      secret("API_JWT_SECRET"),
      secret("TENANT"),
    ]);
    // Kubernetes would put a variable's value in its place.
    expect(container?.command.join(" ")).not.toContain("$(");
  });

  it("is another one when it has failed, or when keys are others", async () => {
    const { metadata, spec } = jobOf(await make());
    expect(metadata.annotations).toEqual({ "pulumi.com/replaceUnready": "true" });
    expect(spec.backoffLimit).toBe(0);
    const config = await configOf();
    expect(config).toMatch(/^\w{12}$/);
    expect(await configOf({ keys: { accepted: ["k1", "k2"] } })).not.toBe(config);
    expect(await configOf({ keys: { accepted: ["k1", "k2"], signing: "k2" } })).not.toBe(config);
    expect(await configOf({}, { ...SECRETS, jwtSecrets: { k1: "x".repeat(40) } })).not.toBe(config);
    expect(await configOf({}, { ...SECRETS, s3SecretAccessKey: "CANARY-another" })).toBe(config);
  });

  it("reaches Realtime and nobody else, and nobody reaches it", async () => {
    const recording = await make();
    const policies = listed(recording, "NetworkPolicy").filter((name) => name.includes(JOB));
    expect(policies.sort()).toEqual([`realtime-from-${JOB}`, `${JOB}-to-realtime`]);
    const pods = (name: string) => ({ podSelector: { matchLabels: { "app.kubernetes.io/name": name } } });
    expect(named(recording, "NetworkPolicy", `${JOB}-to-realtime`).plain["spec"]).toEqual({
      ...pods(JOB),
      policyTypes: ["Egress"],
      egress: [{ to: [pods("realtime")], ports: [{ protocol: "TCP", port: 4000 }] }],
    });
    expect(jobOf(recording).spec.template.metadata.labels).toEqual({
      "app.kubernetes.io/name": JOB,
      "app.kubernetes.io/part-of": "gardenos",
    });
  });
});
