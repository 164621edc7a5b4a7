import * as pulumi from "@pulumi/pulumi";
import { describe, expect, it } from "vitest";
import { FastApiServices, type ServiceArgs } from "../../components/fastapi-services/index.ts";
import { type Recorded, type Recording, record } from "../support/record.ts";
import { clusterProvider, gate } from "../support/world.ts";

const IMAGE = `registry.example/api:1@sha256:${"0".repeat(64)}`;

const api: ServiceArgs = {
  image: IMAGE,
  port: 8000,
  pods: { replicas: 2 },
  workers: 1,
  cpu: "100m",
  memory: "256Mi",
  agents: {},
  env: { LOG_LEVEL: "info" },
  database: { name: "app", role: "rw" },
  migrate: { command: ["alembic", "upgrade", "head"] },
  ai: false,
  host: "api.example.org",
  graceSeconds: 30,
};
const { migrate: _, host: __, ...inner } = api;
const agents: ServiceArgs = { ...inner, ai: true, agents: { lead_analysis: 3, follow_up: 2 } };

const login = (user: string, password: string) => ({ user, password: pulumi.secret(password) });

type Services = Readonly<Record<string, ServiceArgs>>;

const make = ({
  services = { api, agents } as Services,
  password = "CANARY-password-rw",
  key = "CANARY-key",
} = {}) =>
  record(() => {
    new FastApiServices(
      "services",
      {
        namespace: "apps",
        services,
        waitImage: `registry.example/busybox:1@sha256:${"0".repeat(64)}`,
        databases: {
          app: {
            pooler: { host: "pgbouncer.postgres-cluster", port: 6432 },
            primary: { host: "postgres-primary.postgres-cluster", port: 5432 },
            logins: {
              owner: login("app_owner", "CANARY-password-owner"),
              rw: login("app_rw", password),
              ro: login("app_ro", "CANARY-password-ro"),
            },
          },
        },
        databaseCa: "CA",
        ai: { baseUrl: "https://ai.example.org/v1", model: "m", apiKey: pulumi.secret(key) },
        registries: pulumi.secret({ "ghcr.io": { username: "me", password: "CANARY-registry" } }),
        ingress: { className: "traefik", tlsSecret: "ingress-tls" },
        privateCidrs: ["10.0.0.0/16"],
        after: [gate()],
      },
      { providers: [clusterProvider()] },
    );
  });

const kindOf = ({ type }: Recorded) => type.split(":").at(-1) ?? "";
const find = ({ resources }: Recording, kind: string, name: string) => {
  const found = resources.find((each) => kindOf(each) === kind && each.name === `apps/${name}`);
  if (!found) throw new Error(`no ${kind} ${name}`);
  return found;
};

type Spec = {
  template: {
    metadata: { annotations: Record<string, string>; labels: Record<string, string> };
    spec: { containers: { env: { name: string; value?: string; valueFrom?: object }[] }[] };
  };
  replicas?: number;
};
const specOf = (recording: Recording, kind: string, name: string) =>
  find(recording, kind, name).plain["spec"] as Spec;
const envOf = (spec: Spec) =>
  Object.fromEntries(
    spec.template.spec.containers[0]?.env.map(({ name, value, valueFrom }) => [name, value ?? valueFrom]) ??
      [],
  );

it("is these objects, through the given provider", async () => {
  const made = (await make()).resources.filter(({ type }) => type.startsWith("kubernetes:"));
  expect(made.map((each) => `${kindOf(each)} ${each.name}`).sort()).toEqual([
    "ConfigMap apps/database-ca",
    "Deployment apps/agents",
    "Deployment apps/api",
    "Ingress apps/api",
    "Job apps/api-migrate",
    "NetworkPolicy apps/to-ai-provider",
    "PodDisruptionBudget apps/agents",
    "PodDisruptionBudget apps/api",
    "Secret apps/ai-provider",
    "Secret apps/database-app-owner",
    "Secret apps/database-app-rw",
    "Secret apps/registries",
    "Service apps/agents",
    "Service apps/api",
    "ServiceAccount apps/agents",
    "ServiceAccount apps/api",
    "ServiceAccount apps/api-migrate",
  ]);
  for (const each of made) expect([each.parent, each.provider]).toEqual(["services", "cluster"]);
});

describe("the environment", () => {
  it("of a service leads to the pooler as the role that reads and writes", async () => {
    expect(envOf(specOf(await make(), "Deployment", "api"))).toEqual({
      PORT: "8000",
      WEB_CONCURRENCY: "1",
      DATABASE_HOST: "pgbouncer.postgres-cluster",
      DATABASE_PORT: "6432",
      DATABASE_NAME: "app",
      DATABASE_USER: { secretKeyRef: { name: "database-app-rw", key: "user" } },
      DATABASE_PASSWORD: { secretKeyRef: { name: "database-app-rw", key: "password" } },
      DATABASE_CA_FILE: "/etc/gardenos/database/ca.crt",
      LOG_LEVEL: "info",
    });
  });

  it("of agents has their numbers and the provider, and the API's has neither", async () => {
    const env = envOf(specOf(await make(), "Deployment", "agents"));
    expect(env).toMatchObject({
      AGENTS_LEAD_ANALYSIS: "3",
      AGENTS_FOLLOW_UP: "2",
      OPENAI_BASE_URL: "https://ai.example.org/v1",
      OPENAI_MODEL: "m",
      OPENAI_API_KEY: { secretKeyRef: { name: "ai-provider", key: "apiKey" } },
    });
  });

  it("of a migration leads to the primary, as the owner", async () => {
    expect(envOf(specOf(await make(), "Job", "api-migrate"))).toMatchObject({
      DATABASE_HOST: "postgres-primary.postgres-cluster",
      DATABASE_PORT: "5432",
      DATABASE_USER: { secretKeyRef: { name: "database-app-owner", key: "user" } },
    });
  });
});

describe("a migration", () => {
  it("ends before pods of any service of its database start, and nobody else waits for it", async () => {
    const { database: _, ...without } = agents;
    const recording = await make({ services: { api, agents, mailer: without } });
    const waitsFor = (name: string) => {
      expect(find(recording, "Deployment", name).dependsOn).toContain(`apps/${name}`);
      return find(recording, "ServiceAccount", name).dependsOn;
    };
    expect(waitsFor("api")).toContain("apps/api-migrate");
    expect(waitsFor("agents")).toContain("apps/api-migrate");
    expect(waitsFor("mailer")).not.toContain("apps/api-migrate");
  });

  it("waits for a way to the database, without its password", async () => {
    const { spec } = find(await make(), "Job", "api-migrate").plain as {
      spec: { template: { spec: { initContainers: { env: { name: string }[] }[] } } };
    };
    const [wait] = spec.template.spec.initContainers;
    expect(wait?.env.map(({ name }) => name)).toEqual(["DATABASE_HOST", "DATABASE_PORT"]);
  });

  it("is a new Job when it has failed, and is tried once", async () => {
    const { metadata, spec } = find(await make(), "Job", "api-migrate").plain as {
      metadata: { annotations: object };
      spec: object;
    };
    expect(metadata.annotations).toEqual({ "pulumi.com/replaceUnready": "true" });
    expect(spec).toMatchObject({ backoffLimit: 0 });
  });
});

describe("pods", () => {
  const config = async (name: string, changes: Parameters<typeof make>[0] = {}) =>
    specOf(await make(changes), "Deployment", name).template.metadata.annotations["gardenos/config"];

  it("are replaced for another password or key that they read, and for no other's", async () => {
    expect(await config("api", { password: "another" })).not.toBe(await config("api"));
    expect(await config("agents", { key: "another" })).not.toBe(await config("agents"));
    expect(await config("api", { key: "another" })).toBe(await config("api"));
  });

  it("of an autoscaled service are counted by the autoscaler alone", async () => {
    const autoscale = { min: 2, max: 5, cpuPercent: 70 };
    const recording = await make({ services: { api: { ...api, pods: { autoscale } }, agents } });
    expect(specOf(recording, "Deployment", "api")).not.toHaveProperty("replicas");
    expect(find(recording, "HorizontalPodAutoscaler", "api").plain["spec"]).toMatchObject({
      minReplicas: 2,
      maxReplicas: 5,
    });
  });

  it("have the labels that let them out and their clients in, and no others", async () => {
    const recording = await make();
    const labelsOf = (name: string) =>
      Object.keys(specOf(recording, "Deployment", name).template.metadata.labels).filter((key) =>
        key.startsWith("gardenos/"),
      );
    expect(labelsOf("api")).toEqual(["gardenos/database", "gardenos/ingress"]);
    expect(labelsOf("agents")).toEqual(["gardenos/ai-provider", "gardenos/database"]);
  });
});

it("shows no secret", async () => {
  const { resources } = await make();
  expect(JSON.stringify(resources.map(({ inputs }) => inputs))).not.toContain("CANARY");
  const { data } = find({ resources } as Recording, "Secret", "registries").plain as {
    data: Record<string, string>;
  };
  const auth = Buffer.from("me:CANARY-registry").toString("base64");
  expect(JSON.parse(Buffer.from(data[".dockerconfigjson"] ?? "", "base64").toString())).toEqual({
    auths: { "ghcr.io": { auth } },
  });
});
