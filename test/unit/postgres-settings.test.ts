import { describe, expect, it } from "vitest";
import { checkPasswords } from "../../config/secrets.ts";
import { planPostgres, postgresBackends } from "../../plan/postgres.ts";
import { GOOD, problemsOf, settingsOf } from "../support/settings.ts";

/** Field → want of every problem. */
const found = (postgres: Record<string, unknown>, more: Record<string, unknown> = {}) =>
  Object.fromEntries(problemsOf({ ...GOOD, postgres, ...more }).map((p) => [p.field, p.want]));

const single = { nodes: { n1: GOOD.nodes.n1 } };

describe("Postgres", () => {
  it("has one member a server at most", () => {
    expect(found({ instances: 4 })).toEqual({
      "gardenos:postgres.instances": "at most 3, one a server: two on the same node would be lost together",
    });
    expect(found({}, single)).toEqual({});
  });

  it("refuses to wait for a standby that can't be", () => {
    expect(found({ instances: 1, synchronousMode: true })).toEqual({
      "gardenos:postgres.synchronousMode": "false with one instance: there is no standby to wait for",
    });
  });

  it("keeps to Patroni's rule of times", () => {
    expect(found({ ttlSeconds: 20, loopWaitSeconds: 10, retryTimeoutSeconds: 6 })).toEqual({
      "gardenos:postgres.ttlSeconds":
        "at least loopWaitSeconds + 2 × retryTimeoutSeconds = 22, or a leader could lose its lock while it works",
    });
    expect(found({ ttlSeconds: 20, loopWaitSeconds: 10, retryTimeoutSeconds: 5 })).toEqual({});
  });

  it.each(["postgres", "template1", "pgbouncer", "pg_data"])("has no database named %s", (name) => {
    expect(found({ databases: { [name]: {} } })).toEqual({
      [`gardenos:postgres.databases.${name}`]: "a name that is not one of the system's own",
    });
  });

  it("keeps the pooler's names of replicas apart from databases", () => {
    expect(found({ databases: { app: {}, app_ro: {} } })).toEqual({
      "gardenos:postgres.databases.app_ro":
        "another name: app_ro is what the pooler calls the replicas of app",
    });
  });

  it("refuses names that would have to be quoted", () => {
    expect(found({ databases: { "My-App": {} } })).toEqual({
      "gardenos:postgres.databases.My-App":
        "a database name: a lower-case letter, then at most 40 lower-case letters, digits or '_'",
    });
  });

  it("knows the image's extensions", () => {
    const wants = found({ databases: { app: { extensions: ["vector", "timescaledb"] } } });
    expect(Object.keys(wants)).toEqual(["gardenos:postgres.databases.app.extensions[1]"]);
    expect(wants["gardenos:postgres.databases.app.extensions[1]"]).toMatch(
      /^an extension of the image: btree_gin, /,
    );
  });

  it("lets no parameter through that the program sets, or that could end the server", () => {
    expect(found({ parameters: { max_connections: 300, archive_command: "true", work_mem: "8MB" } })).toEqual(
      {
        "gardenos:postgres.parameters.max_connections": "no such key: postgres.maxConnections decides it",
        "gardenos:postgres.parameters.archive_command":
          "a parameter that a stack may set (plan/postgres-parameters.ts); this one is unknown, or the program sets or forbids it",
      },
    );
  });

  it.each([
    ["work_mem", ["4MB", "64", 8192, "1.5GB"], ["banana", "4MB'; DROP", "63kB", "4 parsecs", true]],
    ["statement_timeout", ["30s", 0, "2min"], ["-1", "30 seconds", "1 fortnight"]],
    ["autovacuum_max_workers", [3, "10"], [0, 999_999_999, "3MB", 2.5]],
    ["random_page_cost", [1.1, "4"], ["cheap", -1]],
    ["jit", [true, "off"], ["maybe", 1]],
    ["log_statement", ["ddl"], ["x\ny", "none,ddl"]],
    ["pgaudit.log", ["ddl, role", "all,-misc"], ["everything"]],
    ["temp_file_limit", ["-1", "10GB"], ["-2"]],
  ] as const)("takes values of %s that Postgres takes, and no others", (name, good, bad) => {
    for (const value of good) expect(found({ parameters: { [name]: value } })).toEqual({});
    for (const value of bad) {
      expect(Object.keys(found({ parameters: { [name]: value } }))).toEqual([
        `gardenos:postgres.parameters.${name}`,
      ]);
    }
  });

  it("keeps shared_buffers within the members' memory", () => {
    expect(found({ memory: "1Gi", parameters: { shared_buffers: "100GB" } })).toEqual({
      "gardenos:postgres.parameters.shared_buffers":
        "at most half of postgres.memory (1Gi): with more, no member starts",
    });
    expect(found({ memory: "1Gi", parameters: { shared_buffers: 65_536 } })).toEqual({});
  });

  it("knows what is built into every object to be no parameter", () => {
    expect(found({ parameters: { constructor: 1 } })).toEqual({
      "gardenos:postgres.parameters.constructor": expect.stringMatching(/^a parameter that a stack may set/),
    });
  });

  it("has no more poolers than nodes", () => {
    expect(found({}, { pgbouncer: { replicas: 4 } })).toEqual({
      "gardenos:pgbouncer.replicas": "at most 3, one a node: two on the same node would be lost together",
    });
  });

  it("must leave connections to others than the pooler", () => {
    expect(found({ maxConnections: 70 })).toEqual({
      "gardenos:postgres.maxConnections":
        "at least 91: the pools take 51 connections, and 40 are kept for everybody else",
    });
  });

  it("must leave connections to Supabase's services, too", () => {
    const storage = { endpoint: "https://s3.example.org", bucket: "files" };
    const supabase = { profile: "core", storage, replicas: { auth: 10 } };
    expect(found({ maxConnections: 200 }, { domain: "example.org", supabase })).toEqual({
      "gardenos:postgres.maxConnections":
        "at least 263: the pools take 51 connections, Supabase's services 172, and 40 are kept for everybody else",
    });
    expect(found({}, { domain: "example.org", supabase: { ...supabase, replicas: {} } })).toEqual({});
  });

  it("must fit when a node is lost; its own member is lost with it", () => {
    const wants = found({ memory: "6Gi" });
    expect(wants["gardenos:serverType"]).toMatch(/^room for \d+ MiB .*postgres 2 × 6144/);
  });

  it("is not the whole world's in prod", () => {
    const more = { environment: "prod" };
    expect(found({ allowedCidrs: ["0.0.0.0/0"] }, more)).toEqual({
      "gardenos:postgres.allowedCidrs": "no world-wide access in prod",
    });
  });
});

describe("configured passwords", () => {
  it("are of characters that need no escaping, and are never shown", () => {
    const canary = "p@ss/word:with?url#characters";
    const problems = checkPasswords({ app_rw: canary, app_ro: "abcdefghijklmnop" }, ["app"]);
    expect(problems).toEqual([
      {
        field: "gardenos:postgresPasswords.app_rw",
        got: "a value that is not shown",
        want: "16 or more letters, digits, '_', '~', '.' or '-': others would have to be escaped in a URL",
        fix: "pulumi config set --secret --path 'gardenos:postgresPasswords.app_rw' <password>",
      },
    ]);
    expect(JSON.stringify(problems)).not.toContain("p@ss");
  });

  it.each(["app-rw", "standby", "supabase_admin"])("are not for %s", (role) => {
    expect(checkPasswords({ [role]: "abcdefghijklmnop" }, ["app"])).toEqual([
      {
        field: `gardenos:postgresPasswords.${role}`,
        got: role,
        want: "one of these roles: app_owner, app_rw, app_ro, app_owner_b, app_rw_b, app_ro_b, pgbouncer, postgres_exporter",
        fix: `pulumi config rm --path 'gardenos:postgresPasswords.${role}'`,
      },
    ]);
  });

  it("are a map", () => {
    // The settings of databases are broken: which roles there are is not known.
    expect(checkPasswords({ shop_rw: "abcdefghijklmnop" }, undefined)).toEqual([]);
    expect(checkPasswords({ shop_rw: "short" }, undefined)).toHaveLength(1);
    expect(checkPasswords("hunter2", [])[0]?.want).toBe("a map of role names to passwords");
  });
});

describe("members", () => {
  const settings = settingsOf();
  const servers = Object.entries(settings.nodes).map(([key, { privateIp }]) => ({ key, privateIp }));
  const plan = planPostgres({ project: "gardenos", stack: "test" }, settings, servers);

  it("stay on their nodes, and are reached on ports of their own", () => {
    expect(postgresBackends(plan).servers).toEqual([
      { name: "n1", address: "10.0.1.11:30540", restPort: 30580 },
      { name: "n2", address: "10.0.1.12:30541", restPort: 30581 },
      { name: "n3", address: "10.0.1.13:30542", restPort: 30582 },
    ]);
  });

  it("have buffers that follow from their memory", () => {
    expect(plan.parameters).toEqual({
      shared_buffers: "256MB",
      effective_cache_size: "768MB",
      maintenance_work_mem: "64MB",
      work_mem: "4MB",
    });
  });
});
