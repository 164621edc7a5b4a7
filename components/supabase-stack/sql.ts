/** What Supabase's services need in the database before they start: roles, empty schemas, row security. */
import { setVariable as set } from "../../lib/psql.ts";
import { readRepositoryFile } from "../../lib/repository-file.ts";
import { SUPABASE_SERVICES } from "../../plan/supabase.ts";

/** Roles that services log in to the database as. */
export const SUPABASE_LOGINS: readonly string[] = Object.values(SUPABASE_SERVICES).flatMap((facts) =>
  "login" in facts ? [facts.login] : [],
);

export interface SupabaseSqlArgs {
  /** Database of the services. The application's roles in it are called by it: `app_rw` and `app_ro`. */
  readonly database: string;
  /** Role that owns it, and the schema that PostgREST serves. */
  readonly owner: string;
  /** By role, of `scramVerifier`. */
  readonly verifiers: Readonly<Record<string, string>>;
}

const file = (path: string): string => readRepositoryFile(`sql/${path}.sql`);

/**
 * What goes to psql on its standard input, as supabase_admin, after the cluster's own SQL. Running it again changes nothing. A secret:
 * it has the verifiers of passwords.
 * @throws when a role has no verifier
 */
export function renderSupabaseSql({ database, owner, verifiers }: SupabaseSqlArgs): string {
  const login = (role: string): string => {
    const verifier = verifiers[role];
    if (!verifier?.startsWith("SCRAM-SHA-256$")) throw new Error(`the role ${role} has no SCRAM verifier`);
    return set("role", role) + set("verifier", verifier) + file("supabase/02-login");
  };
  const variables =
    set("database", database) +
    set("owner", owner) +
    set("rw", `${database}_rw`) +
    set("ro", `${database}_ro`);
  return [
    file("cluster/session"),
    file("supabase/01-roles"),
    ...SUPABASE_LOGINS.map(login),
    `${variables}\\connect :database\n${file("cluster/session")}`,
    file("supabase/03-database"),
    file("supabase/04-guard"),
  ].join("\n");
}
