/** Supabase's SQL on a real Postgres: run twice, and seen from each role. */
import { afterAll, beforeAll, expect, it } from "vitest";
import { renderSupabaseSql, SUPABASE_LOGINS } from "../../components/supabase-stack/sql.ts";
import { scramVerifier } from "../../lib/scram.ts";
import { describeOnPostgres, type RealPostgres, startPostgres } from "../support/real-postgres.ts";
import { SQL as CLUSTER_SQL, password } from "./support/cluster.ts";

const SALT = Buffer.from("0123456789abcdef").toString("base64");
const verifiers = Object.fromEntries(
  SUPABASE_LOGINS.map((role) => [role, scramVerifier(password(role), SALT)]),
);
const SQL = renderSupabaseSql({ database: "app", owner: "app_owner", verifiers });

let postgres: RealPostgres;
const as = (user: string, text: string) =>
  postgres.sql(text, { user, database: "app", password: password(user) });
/** What a request with a token of that role does. */
const token = (role: string, text: string) => as("authenticator", `SET ROLE ${role};\n${text}`);

const STATE = `
  SELECT 'role', rolname, rolsuper, rolinherit, rolcreaterole, rolcreatedb, rolcanlogin, rolreplication, rolbypassrls, rolpassword
    FROM pg_authid ORDER BY rolname;
  SELECT 'member', roleid::regrole, member::regrole, inherit_option, set_option FROM pg_auth_members ORDER BY 2, 3;
  SELECT 'schema', nspname, nspowner::regrole, array(SELECT unnest(nspacl)::text ORDER BY 1) FROM pg_namespace ORDER BY nspname;
  SELECT 'default', defaclrole::regrole, defaclobjtype, array(SELECT unnest(defaclacl)::text ORDER BY 1) FROM pg_default_acl ORDER BY 2, 3, 4;
  SELECT 'trigger', evtname, evtenabled FROM pg_event_trigger ORDER BY evtname;
  SELECT 'publication', pubname, pubowner::regrole FROM pg_publication;`;
const state = () => postgres.sql(STATE, { database: "app" });

describeOnPostgres("Supabase's SQL", () => {
  let first = "";
  beforeAll(async () => {
    postgres = await startPostgres();
    postgres.configure("output_plugin_libraries = 'pgoutput,wal2json'\n");
    postgres.sql(CLUSTER_SQL);
    postgres.sql(SQL);
    first = state();
  }, 60_000);
  afterAll(() => postgres?.stop());

  it("says and changes nothing when it is run again, nor when the cluster's is", () => {
    expect(postgres.sql(SQL)).toBe("");
    expect(state()).toBe(first);
    postgres.sql(CLUSTER_SQL);
    postgres.sql(SQL);
    expect(state()).toBe(first);
  });

  it("stops at a table that would be exposed without row security, and goes on when that is mended", () => {
    as("app_owner", "CREATE TABLE app.moved (id int); ALTER TABLE app.moved SET SCHEMA api");
    expect(() => postgres.sql(SQL)).toThrow("exposed without row security: api.moved");
    as("app_owner", "ALTER TABLE api.moved ENABLE ROW LEVEL SECURITY");
    expect(postgres.sql(SQL)).toBe("");
    as("app_owner", "DROP TABLE api.moved");
  });

  it("makes nobody a superuser, and gives nobody a way to become one", () => {
    const rows =
      "SELECT rolname FROM pg_roles WHERE rolsuper OR pg_has_role(rolname, 'supabase_admin', 'MEMBER') ORDER BY 1";
    expect(postgres.sql(rows)).toBe("supabase_admin");
    for (const role of SUPABASE_LOGINS) {
      expect(() => as(role, "SET ROLE supabase_admin")).toThrow("permission denied to set role");
      expect(() => as(role, "CREATE ROLE another")).toThrow("permission denied to create role");
    }
  });

  it("lets each service make its tables in its own schema, and in no other's", () => {
    for (const [role, own, other] of [
      ["supabase_auth_admin", "auth", "storage"],
      ["supabase_storage_admin", "storage", "auth"],
      ["supabase_realtime", "realtime", "auth"],
    ] as const) {
      as(role, `CREATE TABLE ${own}.first_migration (id int)`);
      expect(() => as(role, `CREATE TABLE ${other}.intruder (id int)`)).toThrow(
        `permission denied for schema ${other}`,
      );
      expect(() => as(role, "CREATE TABLE app.intruder (id int)")).toThrow(
        "permission denied for schema app",
      );
    }
    expect(() => as("supabase_storage_admin", "SELECT * FROM auth.first_migration")).toThrow(
      "permission denied",
    );
  });

  it("puts a type of auth's migration into auth, without being told", () => {
    as("supabase_auth_admin", "CREATE TYPE factor_type AS ENUM ('totp')");
    expect(
      postgres.sql("SELECT typnamespace::regnamespace FROM pg_type WHERE typname = 'factor_type'", {
        database: "app",
      }),
    ).toBe("auth");
  });

  it("secures the rows of every exposed table, and grants nothing to those who are nobody", () => {
    as("app_owner", "CREATE TABLE api.note (id int, text text); INSERT INTO api.note VALUES (1, 'secret')");
    as("app_owner", "CREATE TABLE api.copy AS SELECT * FROM api.note");
    const open =
      "SELECT count(*) FROM pg_class WHERE relnamespace = 'api'::regnamespace AND relkind = 'r' AND NOT relrowsecurity";
    expect(postgres.sql(open, { database: "app" })).toBe("0");
    expect(() => token("anon", "SELECT * FROM api.note")).toThrow("permission denied for table note");
    as("app_owner", "GRANT SELECT ON api.note TO anon");
    expect(token("anon", "SELECT count(*) FROM api.note")).toBe("0");
    as("app_owner", "CREATE POLICY everybody ON api.note FOR SELECT TO anon USING (id = 1)");
    expect(token("anon", "SELECT text FROM api.note")).toBe("secret");
    expect(token("service_role", "SELECT count(*) FROM api.copy")).toBe("1");
  });

  it.each([
    ["the owner", "app_owner"],
    ["Studio", "postgres"],
  ])("lets the application call what %s makes, and nobody else before it is granted", (_, maker) => {
    const name = `api.counted_by_${maker}`;
    const body = "LANGUAGE sql SECURITY DEFINER SET search_path = api, pg_temp AS 'SELECT 7'";
    as(maker, `CREATE FUNCTION ${name}() RETURNS int ${body}`);
    const refusal = `permission denied for function ${name.slice(4)}`;
    for (const role of ["anon", "authenticated"])
      expect(() => token(role, `SELECT ${name}()`)).toThrow(refusal);
    for (const role of ["app_rw", "app_ro"]) expect(as(role, `SELECT ${name}()`)).toBe("7");
    expect(token("service_role", `SELECT ${name}()`)).toBe("7");
    as(maker, `GRANT EXECUTE ON FUNCTION ${name}() TO anon`);
    expect(token("anon", `SELECT ${name}()`)).toBe("7");
  });

  it("lets the application use tables that Studio makes as it does the owner's", () => {
    as("postgres", "CREATE TABLE api.made_by_studio (id int GENERATED BY DEFAULT AS IDENTITY, text text)");
    as("postgres", "CREATE POLICY application ON api.made_by_studio TO app_rw USING (true)");
    as("app_rw", "INSERT INTO api.made_by_studio (text) VALUES ('hello')");
    expect(as("app_rw", "SELECT text FROM api.made_by_studio")).toBe("hello");
    expect(as("app_ro", "SELECT count(*) FROM api.made_by_studio")).toBe("0");
    expect(() => token("anon", "SELECT * FROM api.made_by_studio")).toThrow("permission denied for table");
  });

  it("tells PostgREST of what changes what it serves, and of nothing else", () => {
    const heard = (statement: string) =>
      as("app_owner", `LISTEN pgrst; ${statement}; SELECT 1`).match(/"pgrst" with payload "reload schema"/g)
        ?.length ?? 0;
    const told = (...statements: string[]) => statements.map(heard);
    expect(
      told(
        ...["CREATE TABLE api.told (id int)", "COMMENT ON TABLE api.told IS 'x'", "DROP TABLE api.told"],
        "CREATE FUNCTION api.told() RETURNS int LANGUAGE sql AS 'SELECT 1'",
      ),
    ).toEqual([1, 1, 1, 1]);
    expect(
      told(
        ...["CREATE TEMP TABLE x (id int)", "CREATE TEMP TABLE x (id int); DROP TABLE x"],
        ...["GRANT SELECT ON api.note TO app_ro", "CREATE INDEX ON api.note (id)", "ANALYZE api.note"],
      ),
    ).toEqual([0, 0, 0, 0, 0]);
  });

  it("keeps the application's own schema from tokens", () => {
    as("app_owner", "CREATE TABLE app.internal (id int)");
    for (const role of ["anon", "authenticated", "service_role"])
      expect(() => token(role, "SELECT * FROM app.internal")).toThrow("permission denied for schema app");
  });

  it("lets the authenticator do nothing as itself", () => {
    expect(() => as("authenticator", "SELECT * FROM api.note")).toThrow("permission denied for schema api");
  });

  it("lets realtime follow changes, by a slot of its own, and lets others work as what it makes", () => {
    const slot = "SELECT pg_create_logical_replication_slot('rt', 'wal2json', true);";
    const changes = "SELECT count(*) FROM pg_logical_slot_get_changes('rt', NULL, NULL);";
    expect(as("supabase_realtime", `${slot}\n${changes}`)).toMatch(/^\(rt,[0-9A-F/]+\)\n0$/);
    as(
      "supabase_realtime",
      "CREATE FUNCTION realtime.quiet() RETURNS int LANGUAGE sql SET log_min_messages = fatal AS 'SELECT 1'",
    );
    as("supabase_realtime", "ALTER TABLE realtime.first_migration OWNER TO supabase_realtime_admin");
    as("supabase_realtime", "GRANT supabase_realtime_admin TO postgres");
  });
});
