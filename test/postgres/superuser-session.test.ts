/** A superuser's session in a database whose owner wants to become one, and parameters as Postgres has them. */
import { afterAll, beforeAll, expect, it } from "vitest";
import { readRepositoryFile } from "../../lib/repository-file.ts";
import { PARAMETERS } from "../../plan/postgres-parameters.ts";
import { describeOnPostgres, type RealPostgres, startPostgres } from "../support/real-postgres.ts";
import { password, SQL } from "./support/cluster.ts";

let postgres: RealPostgres;

const as = (user: string, text: string, database = "app") =>
  postgres.sql(text, { user, database, password: password(user) });

/** What `postgres-node psql` and `sql` ask for. */
const [, OPTIONS = ""] =
  /^own_session="(.*)"$/m.exec(readRepositoryFile("files/postgres/postgres-node.sh")) ?? [];
const asOnCall = (text: string) => postgres.sql(text, { database: "app", options: OPTIONS });

const TROJAN = `CREATE FUNCTION app.version() RETURNS text LANGUAGE plpgsql AS
  $$ BEGIN EXECUTE 'ALTER ROLE app_owner SUPERUSER'; RETURN pg_catalog.version(); END $$`;

describeOnPostgres("a superuser's session", () => {
  beforeAll(async () => {
    postgres = await startPostgres();
    postgres.sql(SQL);
  }, 60_000);
  afterAll(() => postgres?.stop());

  it("calls no function of the database's owner", () => {
    as("app_owner", `${TROJAN}; ALTER DATABASE app SET search_path = app, pg_catalog`);
    expect(asOnCall("SELECT version()")).toMatch(/^PostgreSQL 17/);
    expect(postgres.sql("SELECT rolsuper FROM pg_roles WHERE rolname = 'app_owner'")).toBe("f");
  });

  it("is the superuser's whatever the owner wants it to be", () => {
    as(
      "app_owner",
      "ALTER DATABASE app SET role = app_owner; ALTER DATABASE app SET default_transaction_read_only = on",
    );
    expect(
      asOnCall("SELECT current_user, session_user; CREATE TABLE public.made (); DROP TABLE public.made"),
    ).toBe("supabase_admin|supabase_admin");
  });

  it("mends, with the program's SQL, what the owner did to others", () => {
    as("app_owner", "SET default_transaction_read_only = off; ALTER DATABASE app CONNECTION LIMIT 0");
    expect(() => as("app_rw", "SELECT 1")).toThrow("too many connections");
    postgres.sql(SQL, { options: OPTIONS });
    expect(as("app_rw", "SELECT current_user")).toBe("app_rw");
    expect(as("app_rw", "SHOW default_transaction_read_only")).toBe("off");
  });

  it.each([
    "SELECT lo_from_bytea(0, 'x')",
    "SELECT lo_create(0)",
    "SELECT pg_logical_emit_message(false, 'x', 'y')",
  ])("a reader fills no disk by %s", (text) => {
    expect(() => as("app_ro", `SET default_transaction_read_only = off; ${text}`)).toThrow(
      "permission denied",
    );
    expect(as("app_rw", text)).not.toBe("");
  });

  it("knows every parameter that a stack may set, and takes the values that the checks let through", () => {
    // Those of extensions are there where these are loaded.
    const names = Object.keys(PARAMETERS).filter((name) => !name.includes("."));
    const known = postgres.sql("SELECT name FROM pg_settings").split("\n");
    expect(names.filter((name) => !known.includes(name))).toEqual([]);
    const limits = postgres.sql(
      `SELECT name, min_val, max_val FROM pg_settings WHERE vartype IN ('integer', 'real')
         AND name IN (${names.map((name) => `'${name}'`).join(", ")})`,
    );
    for (const line of limits.split("\n")) {
      const [name = "", least = "", most = ""] = line.split("|");
      const accepts = (value: string) => PARAMETERS[name]?.accepts(value);
      expect([name, accepts(least), accepts(String(Number(least) - 1))]).toEqual([name, true, false]);
      expect([name, accepts(String(Number(most) * 2))]).toEqual([name, false]);
    }
  });
});
