/** The function that PgBouncer asks for verifiers: whom it answers, and about whom. */
import { afterAll, beforeAll, expect, it } from "vitest";
import { describeOnPostgres, type RealPostgres, startPostgres } from "../support/real-postgres.ts";
import { password, SQL, VERIFIERS } from "./support/cluster.ts";

let postgres: RealPostgres;

/** As a role, by its password. */
const as = (user: string, text: string) => postgres.sql(text, { user, password: password(user) });

describeOnPostgres("the pooler's question", () => {
  const ask = (login: string) =>
    as("pgbouncer", `SELECT usename, passwd FROM pgbouncer.get_auth('${login}')`);

  beforeAll(async () => {
    postgres = await startPostgres();
    postgres.sql(SQL);
  }, 60_000);
  afterAll(() => postgres?.stop());

  it("is answered for the roles of databases", () => {
    expect(ask("app_rw")).toBe(`app_rw|${VERIFIERS["app_rw"]}`);
  });

  it("is not answered for superusers, replication, nobody, and whoever passes row security or does not log in", () => {
    postgres.sql(`CREATE ROLE passer LOGIN BYPASSRLS; CREATE ROLE quiet PASSWORD 'x';
      CREATE ROLE heir LOGIN PASSWORD 'x'; GRANT supabase_admin TO heir;`);
    const nobody = [
      "supabase_admin",
      "standby",
      "nobody",
      "passer",
      "quiet",
      "heir",
      "x' OR true --".replace("'", "''"),
    ];
    for (const login of nobody) expect(ask(login), login).toBe("");
    postgres.sql("DROP ROLE passer, quiet, heir");
  });

  it("is not answered for a password that has expired", () => {
    postgres.sql("ALTER ROLE app_rw VALID UNTIL '2020-01-01'");
    expect(ask("app_rw")).toBe("");
    postgres.sql(SQL);
    expect(ask("app_rw")).not.toBe("");
  });

  it("may be asked by nobody else, whatever was granted, and leads to no table", () => {
    postgres.sql(`GRANT USAGE ON SCHEMA pgbouncer TO PUBLIC; GRANT CONNECT ON DATABASE postgres TO app_rw;
      GRANT EXECUTE ON FUNCTION pgbouncer.get_auth(text) TO app_rw, PUBLIC`);
    postgres.sql(SQL);
    const question = "SELECT * FROM pgbouncer.get_auth('app_owner')";
    expect(() => as("app_rw", question)).toThrow(/permission denied/);
    expect(() => as("postgres_exporter", question)).toThrow(/permission denied/);
    expect(() => as("pgbouncer", "SELECT * FROM pg_authid")).toThrow(/permission denied/);
  });
});
