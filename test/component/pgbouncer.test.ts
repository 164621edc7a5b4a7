import * as pulumi from "@pulumi/pulumi";
import { expect, it } from "vitest";
import { Pgbouncer } from "../../components/pgbouncer/index.ts";
import { createRoot } from "../../components/pki/index.ts";
import { type Recorded, type Recording, record } from "../support/record.ts";
import { clusterProvider, gate } from "../support/world.ts";

const make = ({ poolSize = 20, password = "CANARY-password-1" } = {}): Promise<Recording> =>
  record(() => {
    const before = gate();
    new Pgbouncer(
      "pgbouncer",
      {
        image: `registry.example/pgbouncer:1.26.1@sha256:${"0".repeat(64)}`,
        databases: ["app"],
        serviceIps: { primary: "10.43.0.8", replica: "10.43.0.9" },
        settings: { replicas: 2, memory: "64Mi", poolSize, maxClientConnections: 1000 },
        password: pulumi.secret(password),
        authority: createRoot("postgres-ca", "GardenOS Postgres CA", before),
        after: [before],
      },
      { providers: [clusterProvider()] },
    );
  });

const kindOf = ({ type }: Recorded) => type.split(":").at(-1) ?? "";
const find = ({ resources }: Recording, kind: string, name = "postgres-cluster/pgbouncer") => {
  const found = resources.find((r) => kindOf(r) === kind && r.name === name);
  if (!found) throw new Error(`no ${kind} ${name}`);
  return found;
};

const configOf = (recording: Recording) => {
  const { spec } = find(recording, "Deployment").inputs as {
    spec: { template: { metadata: { annotations: Record<string, string> } } };
  };
  return spec.template.metadata.annotations["gardenos/config"];
};

it("is the component's own, through the given provider", async () => {
  const made = (await make()).resources.filter((r) => r.type.startsWith("kubernetes:"));
  expect(made.map((r) => `${kindOf(r)} ${r.name}`).sort()).toEqual([
    "ConfigMap postgres-cluster/pgbouncer",
    "Deployment postgres-cluster/pgbouncer",
    "NetworkPolicy apps/to-database",
    "NetworkPolicy postgres-cluster/pgbouncer",
    "PodDisruptionBudget postgres-cluster/pgbouncer",
    "Secret postgres-cluster/pgbouncer",
    "Service postgres-cluster/pgbouncer",
    "ServiceAccount postgres-cluster/pgbouncer",
  ]);
  for (const each of made) expect([each.parent, each.provider]).toEqual(["pgbouncer", "cluster"]);
});

it("starts pods after their policy, configuration and secret", async () => {
  const recording = await make();
  const names = ["postgres-cluster/pgbouncer", "apps/to-database"];
  expect(find(recording, "Deployment").dependsOn).toEqual(expect.arrayContaining(names));
});

it("shows clients a certificate for every name of the Service, and no password to anybody", async () => {
  const recording = await make();
  expect(find(recording, "CertRequest", "pgbouncer-request").inputs).toMatchObject({
    dnsNames: [
      "pgbouncer",
      "pgbouncer.postgres-cluster",
      "pgbouncer.postgres-cluster.svc",
      "pgbouncer.postgres-cluster.svc.cluster.local",
    ],
  });
  expect(JSON.stringify(recording.resources.map((r) => r.inputs))).not.toContain("CANARY-password");
  const { data } = find(recording, "Secret").plain as { data: Record<string, string> };
  const userlist = Buffer.from(data["userlist.txt"] ?? "", "base64").toString();
  expect(userlist).toBe('"pgbouncer" "CANARY-password-1"\n');
});

it("replaces its pods when anything that they read is another, and only then", async () => {
  const config = configOf(await make());
  expect(config).toMatch(/^[0-9a-f]{64}$/);
  expect(configOf(await make())).toBe(config);
  expect(configOf(await make({ poolSize: 30 }))).not.toBe(config);
  expect(configOf(await make({ password: "another-password-1" }))).not.toBe(config);
});
