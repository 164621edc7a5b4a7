/** The cluster's SQL in a real Postgres: run twice, after somebody has tampered with it, and seen from each role. */
import { afterAll, beforeAll, expect, it } from "vitest";
import { renderSql } from "../../components/patroni-cluster/sql.ts";
import { describeOnPostgres, type RealPostgres, startPostgres } from "../support/real-postgres.ts";
import { DATABASES, password, SQL, TABLE, VERIFIERS } from "./support/cluster.ts";

let postgres: RealPostgres;

/** As a role, in a database, by its password. */
const as = (user: string, text: string, database = "app") =>
  postgres.sql(text, { user, database, password: password(user) });

/** What of the cluster's catalogues the SQL decides, as text. */
const IN_CLUSTER = `
  SELECT 'role', rolname, rolsuper, rolinherit, rolcreaterole, rolcreatedb, rolcanlogin, rolreplication, rolbypassrls,
    rolconnlimit, rolvaliduntil, rolpassword FROM pg_authid ORDER BY rolname;
  SELECT 'member', roleid::regrole, member::regrole FROM pg_auth_members ORDER BY 2, 3;
  SELECT 'database', datname, datdba::regrole, datacl, pg_encoding_to_char(encoding) FROM pg_database ORDER BY datname;
  SELECT 'setting', setdatabase, setrole::regrole, setconfig FROM pg_db_role_setting ORDER BY 2, 3;`;
const IN_DATABASE = `
  SELECT 'schema', nspname, nspowner::regrole, nspacl FROM pg_namespace ORDER BY nspname;
  SELECT 'default', defaclrole::regrole, defaclobjtype, defaclacl FROM pg_default_acl ORDER BY 2, 3;
  SELECT 'extension', extname, extnamespace::regnamespace FROM pg_extension ORDER BY extname;
  SELECT 'function', oid::regprocedure, proowner::regrole, proacl FROM pg_proc
    WHERE pronamespace NOT IN ('information_schema'::regnamespace) AND proacl IS NOT NULL ORDER BY oid;`;

/** Lists of rights are sorted: their order tells in which order they were granted, and nothing else. */
const state = () =>
  [
    postgres.sql(IN_CLUSTER),
    ...["postgres", ...Object.keys(DATABASES)].map((database) => postgres.sql(IN_DATABASE, { database })),
  ]
    .join("\n")
    .replace(/\{[^}]*\}/g, (list) => `{${list.slice(1, -1).split(",").sort().join(",")}}`);

describeOnPostgres("the cluster's SQL", () => {
  let first = "";
  beforeAll(async () => {
    postgres = await startPostgres();
    postgres.sql(SQL);
    first = state();
    as(
      "app_owner",
      "CREATE TABLE note (id serial PRIMARY KEY, text text); INSERT INTO note (text) VALUES ('hello')",
    );
  }, 60_000);
  afterAll(() => postgres?.stop());

  it("says and changes nothing when it is run again", () => {
    expect(postgres.sql(SQL)).toBe("");
    expect(state()).toBe(first);
  });

  it("makes exactly the roles of the table, with the attributes they need and no others", () => {
    const rows = postgres.sql(`SELECT rolname, rolsuper, rolreplication, rolcanlogin,
      rolcreaterole OR rolcreatedb OR rolbypassrls, rolpassword IS NOT NULL,
      array(SELECT roleid::regrole::text FROM pg_auth_members WHERE member = r.oid)
      FROM pg_authid r WHERE rolname !~ '^pg_'`);
    const wanted = TABLE.map(({ name, login, replication, groups }) => {
      const admin = name === "supabase_admin";
      const flags = [admin, admin || replication, true, admin, login === "password"].map((flag) =>
        flag ? "t" : "f",
      );
      return [name, ...flags, `{${groups.join(",")}}`].join("|");
    });
    expect(rows.split("\n").sort()).toEqual(wanted.sort());
  });

  it("leaves no verifier in the server's log, though that logs every statement", () => {
    expect(postgres.log()).toContain("SELECT 1");
    expect(postgres.log()).not.toContain("SCRAM-SHA-256$");
  });

  it("lets each role of a database log in by its password, with the time-outs of its kind", () => {
    const settings = "SELECT current_setting('statement_timeout'), current_setting('lock_timeout')";
    expect(as("app_rw", settings)).toBe("30s|10s");
    expect(as("app_ro", settings)).toBe("5min|0");
    expect(as("app_owner", settings)).toBe("0|10s");
  });

  it("lets the login that takes turns with a role act as it, under its settings", () => {
    const settings =
      "SELECT current_user, current_setting('statement_timeout'), current_setting('lock_timeout')";
    expect(as("app_rw_b", settings)).toBe("app_rw|30s|10s");
    expect(as("app_ro_b", `${settings}, current_setting('transaction_read_only')`)).toBe("app_ro|5min|0|on");
    as("app_owner_b", "CREATE TABLE app.turns (id int)");
    expect(as("app_owner", "SELECT tableowner FROM pg_tables WHERE tablename = 'turns'")).toBe("app_owner");
    as("app_owner", "DROP TABLE app.turns");
  });

  it("lets rw write what the owner made and make nothing, and ro only read", () => {
    expect(as("app_rw", "INSERT INTO note (text) VALUES ('more') RETURNING id")).toBe("2");
    expect(as("app_ro", "SELECT count(*) FROM note")).toBe("2");
    expect(() => as("app_rw", "CREATE TABLE mine (id int)")).toThrow(/permission denied for schema/);
    expect(() => as("app_rw", "CREATE SCHEMA mine")).toThrow(/permission denied for database/);
    expect(() => as("app_rw", "CREATE TABLE public.mine (id int)")).toThrow(
      /permission denied for schema public/,
    );
    expect(() => as("app_rw", "ALTER TABLE note ADD COLUMN x int")).toThrow(/must be owner/);
    expect(() => as("app_rw", "TRUNCATE note")).toThrow(/permission denied/);
    expect(() => as("app_ro", "INSERT INTO note (text) VALUES ('x')")).toThrow(/read-only transaction/);
    const stubborn = "SET default_transaction_read_only = off; INSERT INTO note (text) VALUES ('x')";
    expect(() => as("app_ro", stubborn)).toThrow(/permission denied for table note/);
    expect(() => as("app_ro", "CREATE TEMPORARY TABLE mine (id int)")).toThrow(/read-only|permission denied/);
  });

  it("gives rights on schemas that the owner makes later, too", () => {
    as("app_owner", "CREATE SCHEMA later; CREATE TABLE later.thing (id int)");
    expect(as("app_rw", "INSERT INTO later.thing VALUES (1) RETURNING id")).toBe("1");
    expect(as("app_ro", "SELECT count(*) FROM later.thing")).toBe("1");
  });

  it("keeps everybody else out of every database", () => {
    postgres.sql("CREATE ROLE guest LOGIN PASSWORD 'guest-password-1'");
    const guest = { user: "guest", password: "guest-password-1" };
    for (const database of ["app", "shop", "postgres", "template1"]) {
      expect(() => postgres.sql("SELECT 1", { ...guest, database })).toThrow(
        /permission denied for database/,
      );
    }
    for (const database of ["shop", "postgres"]) {
      expect(() => as("app_owner", "SELECT 1", database)).toThrow(/permission denied for database/);
    }
    postgres.sql("DROP ROLE guest");
  });

  it("has extensions in their schema, usable by all three roles", () => {
    for (const user of ["app_owner", "app_rw", "app_ro"]) {
      expect(as(user, "SELECT length(gen_random_bytes(8)), uuid_nil()")).toMatch(/^8\|0+-/);
    }
    expect(() => as("app_owner", "CREATE FUNCTION extensions.f() RETURNS int RETURN 1")).toThrow(
      /permission denied/,
    );
  });

  it("lets the exporter read statistics of every database and no data", () => {
    expect(
      as("postgres_exporter", "SELECT count(*) > 0 FROM pg_stat_user_tables WHERE relname = 'note'"),
    ).toBe("t");
    expect(() => as("postgres_exporter", "SELECT * FROM app.note")).toThrow(
      /permission denied for schema app/,
    );
  });

  it("lets rewind read what pg_rewind needs", () => {
    expect(as("rewind", "SELECT count(*) > 0 FROM pg_ls_dir('.', true, false)", "postgres")).toBe("t");
    expect(as("rewind", "SELECT length(pg_read_binary_file('PG_VERSION')) > 0", "postgres")).toBe("t");
  });
});

describeOnPostgres("after somebody's changes", () => {
  beforeAll(async () => {
    postgres = await startPostgres();
    postgres.sql(SQL);
  }, 60_000);
  afterAll(() => postgres?.stop());

  it("everything that the SQL decides is as it was", () => {
    const before = state();
    postgres.sql(`
      ALTER ROLE app_rw SUPERUSER CREATEROLE CREATEDB REPLICATION BYPASSRLS;
      ALTER ROLE app_ro NOLOGIN CONNECTION LIMIT 1 VALID UNTIL '2020-01-01' PASSWORD 'other-password-1';
      ALTER ROLE standby NOREPLICATION;
      ALTER ROLE app_rw SET statement_timeout = 0;
      ALTER ROLE supabase_admin PASSWORD 'a-password-at-last';
      GRANT supabase_admin TO app_owner;
      GRANT pg_read_all_data TO app_owner WITH ADMIN OPTION;
      GRANT pg_execute_server_program, app_owner TO app_rw;
      REVOKE pg_monitor FROM postgres_exporter;
      GRANT CONNECT ON DATABASE app TO PUBLIC;
      GRANT CREATE ON DATABASE app TO app_rw;
      ALTER DATABASE app OWNER TO app_rw;
      ALTER DATABASE app SET search_path = public;`);
    postgres.sql("SET ROLE app_owner; GRANT pg_read_all_data TO app_ro");
    postgres.sql(
      `ALTER SCHEMA app OWNER TO app_rw; GRANT CREATE ON SCHEMA public TO PUBLIC;
       ALTER DEFAULT PRIVILEGES FOR ROLE app_owner GRANT ALL ON TABLES TO app_ro`,
      { database: "app" },
    );
    expect(state()).not.toBe(before);
    postgres.sql(SQL);
    expect(state()).toBe(before);
  });

  it("a superuser of somebody's is one no longer, and that is said", () => {
    postgres.sql("CREATE ROLE eve LOGIN SUPERUSER; CREATE ROLE bob; GRANT supabase_admin TO bob");
    const psql = ["sh", "-c", "psql -XqAt -h /mnt/run -U supabase_admin postgres 2>&1"];
    const said = postgres.trees.run(postgres.tree, psql, { input: SQL });
    expect(said).toContain("role eve was a superuser and is none any more: only supabase_admin is");
    expect(said).toContain("role bob was a member of supabase_admin and is none any more");
    expect(postgres.sql("SELECT rolsuper FROM pg_roles WHERE rolname = 'eve'")).toBe("f");
    expect(postgres.sql("SELECT pg_has_role('bob', 'supabase_admin', 'MEMBER')")).toBe("f");
  });

  it("databases and roles that are no longer configured stay", () => {
    const { shop: _, ...databases } = DATABASES;
    postgres.sql(renderSql({ databases, verifiers: VERIFIERS }));
    expect(as("shop_owner", "CREATE TABLE kept (id int); SELECT count(*) FROM kept", "shop")).toBe("0");
  });

  it("nobody else can run it", () => {
    expect(() => as("app_owner", SQL)).toThrow(
      "this is for supabase_admin, over the local socket; app_owner may not",
    );
  });

  it("a dropped schema public is no obstacle", () => {
    postgres.sql("DROP SCHEMA public", { database: "shop" });
    postgres.sql(SQL);
  });
});
