import * as pulumi from "@pulumi/pulumi";
import { describe, expect, it } from "vitest";
import { PatroniCluster, PostgresAuthority } from "../../components/patroni-cluster/index.ts";
import { createLeaf, createRoot } from "../../components/pki/index.ts";
import { planPostgres } from "../../plan/postgres.ts";
import { type Recorded, type Recording, record } from "../support/record.ts";
import { GOOD, settingsOf } from "../support/settings.ts";
import { clusterProvider } from "../support/world.ts";

const KEYS = ["n1", "n2", "n3"] as const;
const IPS = ["10.0.1.11", "10.0.1.12", "10.0.1.13"];

function make(postgres: Record<string, unknown> = {}, ids = ["101", "102", "103"]): Promise<Recording> {
  return record(() => {
    const stack = new pulumi.ComponentResource("test:index:Gate", "gate");
    const etcd = createRoot("etcd-ca", "etcd", stack);
    const settings = settingsOf({ ...GOOD, postgres });
    const servers = KEYS.map((key, i) => ({ key, privateIp: IPS[i] ?? "" }));
    const cluster = new PatroniCluster(
      "postgres",
      {
        plan: planPostgres({ project: "gardenos", stack: "test" }, settings, servers),
        image: `registry.example/postgres:17@sha256:${"0".repeat(64)}`,
        servers: Object.fromEntries(
          KEYS.map((key, i) => [
            key,
            {
              host: { key, serverId: pulumi.output(ids[i] ?? ""), connection: { host: `198.51.100.${i}` } },
              ip: IPS[i] ?? "",
            },
          ]),
        ),
        network: { nodeIps: IPS, apiServerIps: IPS, podCidr: "10.42.0.0/16" },
        authority: new PostgresAuthority("postgres-authority", { nodeIps: IPS }),
        etcd: {
          caPem: etcd.cert,
          client: {
            ...createLeaf("etcd-patroni", etcd, { uses: ["client_auth"] }, stack),
            password: pulumi.secret("CANARY-etcd-password"),
          },
        },
        nodesReady: [stack],
        namespaceReady: [stack],
      },
      { providers: [clusterProvider()] },
    );
    return { logins: cluster.logins };
  });
}

const named = ({ resources }: Recording, name: string): Recorded => {
  const found = resources.find((r) => r.name === name);
  if (!found) throw new Error(`no ${name}`);
  return found;
};
const text = (value: unknown) => JSON.stringify(value);

/** The pods' template. */
const template = async (postgres?: Record<string, unknown>, ids?: string[]): Promise<string> => {
  const { resources } = await make(postgres, ids);
  const sets = resources.filter(({ type }) => type.endsWith(":StatefulSet"));
  expect(sets.map(({ name }) => name)).toEqual(["postgres-cluster/postgres"]);
  return text(sets[0]?.plain["spec"]);
};

describe("the order", () => {
  it("is files, permission, objects, settings, SQL", async () => {
    const recording = await make();
    const waitsFor = (name: string) => named(recording, name).dependsOn;
    expect(waitsFor("postgres-bootstrap")).toEqual(
      expect.arrayContaining(["postgres-n1-files", "postgres-n2-files", "postgres-n3-files"]),
    );
    expect(waitsFor("postgres-cluster/postgres-config")).toContain("postgres-bootstrap");
    expect(waitsFor("postgres-converge")).toContain("postgres-cluster/postgres");
    expect(waitsFor("postgres-sql")).toContain("postgres-converge");
  });
});

describe("a new cluster", () => {
  it("is allowed by the first run of a stack only, or by the word", async () => {
    const { plain, ignoreChanges } = named(await make(), "postgres-bootstrap");
    expect(plain["create"]).toContain("MODE='first'");
    expect(plain["update"]).toContain("MODE='later'");
    expect(plain["create"]).toContain("SERVER_IDS='101-102-103'");
    expect(plain["update"]).toContain("ALLOW_NEW_CLUSTER=''");
    expect(ignoreChanges).toEqual(["stdin"]);
  });

  it("gets settings, roles and databases like the first one", async () => {
    const [before, after] = [await make(), await make({ allowNewCluster: "101-102-103" })];
    for (const step of ["bootstrap", "converge", "sql"]) {
      const run = (recording: Awaited<ReturnType<typeof make>>) => {
        const { create, update = create } = named(recording, `postgres-${step}`).plain;
        return update;
      };
      expect(run(after)).not.toBe(run(before));
    }
  });

  it("is nothing that a member's own configuration could make", async () => {
    const secret = named(await make(), "postgres-cluster/postgres-config").plain["data"];
    const yaml = Buffer.from((secret as Record<string, string>)["patroni.yml"] ?? "", "base64").toString();
    expect(yaml).toContain("etcd3:");
    expect(yaml).toContain("- 10.0.1.11:2379");
    expect(yaml).not.toContain("bootstrap");
  });
});

describe("settings", () => {
  const settings = async (postgres?: Record<string, unknown>) =>
    JSON.parse(String(named(await make(postgres), "postgres-converge").plain["stdin"]));

  it("wait for a standby, and let a leader stay when only etcd is gone", async () => {
    expect(await settings()).toMatchObject({
      ttl: 20,
      loop_wait: 3,
      retry_timeout: 5,
      synchronous_mode: true,
      synchronous_mode_strict: false,
      failsafe_mode: true,
      primary_start_timeout: 0,
    });
  });

  it("let in by TLS and SCRAM only, each login into its own database, the superuser by the socket only", async () => {
    const { pg_hba } = (await settings({ databases: { app: {}, shop: {} } })).postgresql;
    expect(pg_hba[0]).toBe("local all supabase_admin peer map=system");
    expect(pg_hba[2]).toBe("local all all reject");
    expect(pg_hba.at(-1)).toBe("host all all all reject");
    const own = "standby,rewind,pgbouncer,postgres_exporter";
    expect(pg_hba.slice(3, 5)).toEqual([
      `hostssl replication ${own} 10.42.0.1 255.255.0.255 reject`,
      `hostssl all ${own} 10.42.0.1 255.255.0.255 reject`,
    ]);
    for (const line of pg_hba.slice(5, -1)) expect(line).toMatch(/^hostssl \S+ \S+ \S+ scram-sha-256$/);
    expect(pg_hba.filter((line: string) => /hostssl.*(supabase_admin| all all )/.test(line))).toEqual([]);
    expect(pg_hba).toContain("hostssl app app_owner,app_rw,app_ro 10.42.0.0/16 scram-sha-256");
    expect(text(pg_hba)).not.toMatch(/md5|trust|password/);
  });

  it("run again when one of them changes, and show no value of them", async () => {
    const step = async (postgres?: Record<string, unknown>) =>
      String(named(await make(postgres), "postgres-converge").plain["create"]);
    const [before, after] = [await step(), await step({ parameters: { work_mem: "9MB" } })];
    expect(after).not.toBe(before);
    expect(after).not.toContain("9MB");
  });
});

describe("members", () => {
  it("have another template when what they read at their start is another", async () => {
    expect(await template({ memory: "2Gi" })).not.toBe(await template());
    expect(await template({ scope: "another" })).not.toBe(await template());
    expect(await template({ parameters: { work_mem: "9MB" } })).toBe(await template());
  });

  it("do not restart because a server was rebuilt", async () => {
    expect(await template({}, ["101", "999", "103"])).toBe(await template());
  });
});

describe("a rotation of a database's passwords", () => {
  const app = (rotation: number) => ({ databases: { app: { rotation } } });
  const logins = async (rotation: number) => {
    const { outputs } = await make(app(rotation));
    const { app: roles } = outputs["logins"] as Record<string, Record<string, { user: string }>>;
    return Object.values(roles ?? {}).map(({ user }) => user);
  };

  it("gives out the other login of each role, by turns", async () => {
    expect(await logins(0)).toEqual(["app_owner", "app_rw", "app_ro"]);
    expect(await logins(1)).toEqual(["app_owner_b", "app_rw_b", "app_ro_b"]);
    expect(await logins(2)).toEqual(["app_owner", "app_rw", "app_ro"]);
  });

  it("draws a password for the login that is given out, and leaves the other's alone", async () => {
    const keepers = async (rotation: number) => {
      const recording = await make(app(rotation));
      return ["app_rw", "app_rw_b"].map(
        (role) => named(recording, `postgres-${role}-password`).plain["keepers"],
      );
    };
    expect(await keepers(1)).toEqual([undefined, { rotation: "1" }]);
    expect(await keepers(2)).toEqual([{ rotation: "2" }, { rotation: "1" }]);
    expect(await keepers(3)).toEqual([{ rotation: "2" }, { rotation: "3" }]);
  });

  it("lets both in", async () => {
    const { stdin } = named(await make(app(1)), "postgres-converge").plain;
    expect(JSON.parse(String(stdin)).postgresql.pg_hba).toContain(
      "hostssl app app_owner,app_rw,app_ro,app_owner_b,app_rw_b,app_ro_b 10.42.0.0/16 scram-sha-256",
    );
  });
});

describe("secrets", () => {
  it("are in no input that a preview shows", async () => {
    const { resources } = await make();
    const shown = text(resources.map(({ inputs }) => inputs));
    expect(shown).not.toContain("CANARY");
    expect(shown).not.toContain("SCRAM-SHA-256$");
  });

  it("of roles stay in the program: Postgres is given verifiers", async () => {
    const sql = String(named(await make(), "postgres-sql").plain["stdin"]);
    expect(sql).toContain("SCRAM-SHA-256$4096:");
    expect(sql).not.toContain("CANARY");
  });
});
