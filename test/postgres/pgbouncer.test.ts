/** The pooler as the program configures it, real, before a real Postgres. */
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { eventually } from "../machines/support/eventually.ts";
import { describeOnPostgres } from "../support/real-postgres.ts";
import { VERIFIERS } from "./support/cluster.ts";
import { POOLER_TREE, type RealPooler, startPooler } from "./support/pgbouncer.ts";

let pooler: RealPooler;

const title = "the pooler";
const reason = "GARDENOS_TEST_PGBOUNCER names no tree of the pooler's image";
const describeWithPooler = POOLER_TREE
  ? describeOnPostgres
  : (name: string, tests: () => void) => void describe.skip(`${name}: ${reason}`, tests);

describeWithPooler(title, () => {
  beforeAll(async () => {
    pooler = await startPooler();
    pooler.sql("CREATE TABLE note (text text)", { user: "app_owner" });
  }, 60_000);
  afterAll(() => pooler?.stop());

  it("starts without a complaint about its files", () => {
    expect(pooler.log()).not.toMatch(/WARNING|ERROR|FATAL/);
  });

  it("lets the roles of a database in by their passwords, to the primary and to the replicas", () => {
    expect(pooler.sql("INSERT INTO note VALUES ('hello') RETURNING text", { user: "app_rw" })).toBe("hello");
    expect(pooler.sql("SELECT text FROM note", { user: "app_ro", database: "app_ro" })).toBe("hello");
  });

  it("makes room for another role when one role's idle connections fill the pool", () => {
    for (const user of ["app_rw", "app_owner", "app_ro"])
      expect(pooler.sql("SELECT user", { user })).toBe(user);
    const connections =
      "SELECT count(*) FROM pg_stat_activity WHERE datname = 'app' AND usename LIKE 'app_%'";
    expect(Number(pooler.postgres.sql(connections))).toBeLessThanOrEqual(2);
  });

  it("keeps out wrong passwords, other databases' roles, and clients without TLS", () => {
    const refused = (login: Parameters<RealPooler["sql"]>[1]) => () => pooler.sql("SELECT 1", login);
    expect(refused({ user: "app_rw", password: "wrong-password-1" })).toThrow(/authentication failed/);
    expect(refused({ user: "shop_rw" })).toThrow(/permission denied for database/);
    expect(refused({ user: "app_rw", database: "postgres" })).toThrow(/permission denied for database/);
    expect(refused({ user: "app_rw", sslmode: "disable" })).toThrow(/SSL required/);
  });

  it("keeps out superusers and replication, even those with a password, and passwords that have expired", () => {
    pooler.postgres.sql(`ALTER ROLE supabase_admin PASSWORD '${VERIFIERS["app_rw"]}';
      ALTER ROLE app_ro VALID UNTIL '2020-01-01'`);
    const users = {
      supabase_admin: "app_rw-password-1",
      standby: "standby-password-1",
      app_ro: "app_ro-password-1",
    };
    for (const [user, password] of Object.entries(users)) {
      expect(() => pooler.sql("SELECT 1", { user, password }), user).toThrow(
        /authentication failed|no such user/,
      );
    }
  });

  it("believes no server whose certificate has another name", () => {
    const stranger = { user: "app_rw", database: "stranger", patience: 3 };
    expect(() => pooler.sql("SELECT 1", stranger)).toThrow(/timeout expired/);
    expect(pooler.log()).toMatch(/stranger.*not present in server certificate/);
  });

  it("lets a new client wait while there is no server, and serves it when there is one", async () => {
    const { trees, tree, restart } = pooler.postgres;
    let said = "";
    await restart(async () => {
      const client = trees.start(tree, [
        "sh",
        "-c",
        `echo "SELECT 'served'" | ${pooler.command({ user: "app_rw" })} >&2`,
      ]);
      client.stderr?.on("data", (data) => {
        said += String(data);
      });
      await eventually(() => expect(pooler.log()).toMatch(/connect failed|server login|closed/));
    });
    await eventually(() => expect(said).toBe("served\n"));
  });

  it("shows statistics to its own role and to nobody else, and lets nobody administer it", () => {
    const console = { user: "pgbouncer", database: "pgbouncer" };
    expect(pooler.sql("SHOW POOLS", console)).toContain("app");
    expect(() => pooler.sql("PAUSE", console)).toThrow(/admin access needed/);
    expect(() => pooler.sql("SHOW POOLS", { ...console, user: "app_rw" })).toThrow(
      /not allowed|authentication failed/,
    );
  });

  it("writes no password and no verifier to its log", () => {
    expect(pooler.log()).not.toMatch(/password-1|SCRAM-SHA-256\$/);
  });

  it("when it is stopped ends transactions in peace, sends idle clients away, and is gone", async () => {
    const { trees, tree } = pooler.postgres;
    const client = (sql: string, stay: number) =>
      trees.start(tree, [
        "sh",
        "-c",
        `(echo "${sql}"; sleep ${stay}) | ${pooler.command({ user: "app_rw" })}`,
      ]);
    const idle = client("SELECT 1;", 60);
    client("BEGIN; INSERT INTO note VALUES ('last'); SELECT pg_sleep(2); COMMIT;", 60);
    const running =
      "SELECT count(*) FROM pg_stat_activity WHERE query LIKE '%pg_sleep%' AND pid <> pg_backend_pid()";
    await eventually(() => expect(pooler.postgres.sql(running)).toBe("1"));
    pooler.signal("INT");
    await eventually(() => expect(() => pooler.signal("0")).toThrow());
    expect(
      pooler.postgres.sql("SELECT count(*) FROM app.note WHERE text = 'last'", { database: "app" }),
    ).toBe("1");
    expect(() => pooler.sql("SELECT 1", { user: "app_rw" })).toThrow(/Connection refused/);
    idle.kill();
  });
});
