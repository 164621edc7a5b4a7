/** Roles and databases of the cluster, and the SQL that makes them so and keeps them so. */
import { setVariable as set } from "../../lib/psql.ts";
import { readRepositoryFile } from "../../lib/repository-file.ts";
import { loginName, type Turn } from "./rotation.ts";

/** One role of the cluster. Roles that are no longer in the table are left alone. */
export interface Role {
  readonly name: string;
  /** What it is for, in a few words. */
  readonly purpose: string;
  /** How it logs in: the superuser by the local socket and never over the network. */
  readonly login: "socket" | "password";
  readonly replication: boolean;
  /** Roles whose rights it has; it is a member of no other. */
  readonly groups: readonly string[];
  /** Which of a database's three roles it is or logs in for. @default - it belongs to the cluster */
  readonly of?: { readonly database: string; readonly kind: DatabaseRole; readonly turn: Turn };
}

export type DatabaseRole = keyof typeof DATABASE_ROLES;

const DATABASE_ROLES = {
  owner: "owns the database and its schema app: migrations",
  rw: "reads and writes what the owner makes",
  ro: "reads what the owner makes",
} as const;

/** Name of one of a database's roles: `app_rw`. */
export const roleName = (database: string, kind: DatabaseRole): string => `${database}_${kind}`;

const role = (name: string, purpose: string, more: Partial<Role> = {}): Role => ({
  name,
  purpose,
  login: "password",
  replication: false,
  groups: [],
  ...more,
});

const CLUSTER_ROLES: readonly Role[] = [
  role("supabase_admin", "the only superuser: Patroni, and this SQL", { login: "socket" }),
  role("standby", "replicas follow the primary", { replication: true }),
  role("rewind", "an old primary finds out where it left the new one's history"),
  role("pgbouncer", "looks up the verifiers of the pooler's clients"),
  role("postgres_exporter", "reads statistics", { groups: ["pg_monitor"] }),
];

type Databases = Readonly<
  Record<string, { readonly extensions: readonly string[]; readonly rotation: number }>
>;

/** A database's three roles, and the logins that take turns with them once a password was rotated. */
function databaseRoles(database: string, rotation: number): readonly Role[] {
  const kinds = Object.entries(DATABASE_ROLES) as [DatabaseRole, string][];
  const turns: readonly Turn[] = rotation > 0 ? ["first", "second"] : ["first"];
  return turns.flatMap((turn) =>
    kinds.map(([kind, purpose]) => {
      const own = roleName(database, kind);
      const groups = turn === "first" ? [] : [own];
      return role(loginName(own, turn), `${database}: ${purpose}`, { groups, of: { database, kind, turn } });
    }),
  );
}

/** All roles of a cluster with these databases, in an order that does not change. */
export const roles = (databases: Databases): readonly Role[] => [
  ...CLUSTER_ROLES,
  ...Object.entries(databases)
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .flatMap(([name, { rotation }]) => databaseRoles(name, rotation)),
];

export interface SqlArgs {
  readonly databases: Databases;
  /** By role, of `scramVerifier`; one for each that logs in by password. */
  readonly verifiers: Readonly<Record<string, string>>;
}

const file = (name: string): string => readRepositoryFile(`sql/cluster/${name}.sql`);

function verifierOf(verifiers: SqlArgs["verifiers"], name: string): string {
  const verifier = verifiers[name];
  if (verifier?.startsWith("SCRAM-SHA-256$")) return verifier;
  throw new Error(`the role ${name} has no SCRAM verifier`);
}

const roleSql = ({ name, replication, groups }: Role, verifier: string): string =>
  set("role", name) +
  set("verifier", verifier) +
  set("replication", replication ? "REPLICATION" : "NOREPLICATION") +
  set("groups", groups.join(",")) +
  file("role");

const ofDatabase = (database: string): string =>
  set("database", database) +
  set("owner", roleName(database, "owner")) +
  set("rw", roleName(database, "rw")) +
  set("ro", roleName(database, "ro"));

/** Of a login that is not a role of its own. */
const secondLoginSql = ({ name, of }: Role): string =>
  of?.turn === "second"
    ? set("role", roleName(of.database, of.kind)) + set("login", name) + file("second-login")
    : "";

/**
 * What goes to psql on its standard input, as supabase_admin in the database `postgres`. Running it again changes nothing
 * but what somebody has changed in between. A secret: it has the verifiers of all passwords.
 * @throws when a role has no verifier, or a name is none
 */
export function renderSql({ databases, verifiers }: SqlArgs): string {
  const names = Object.keys(databases).sort();
  const withPassword = roles(databases).filter(({ login }) => login === "password");
  return [
    file("session"),
    file("superuser"),
    ...withPassword.map((each) => roleSql(each, verifierOf(verifiers, each.name))),
    file("system"),
    file("pooler"),
    ...names.map((name) => ofDatabase(name) + file("database")),
    ...withPassword.map(secondLoginSql).filter((text) => text !== ""),
    ...Object.entries(databases)
      .sort(([a], [b]) => (a < b ? -1 : 1))
      .map(
        ([name, { extensions }]) =>
          `${ofDatabase(name)}\\connect :database\n${file("session")}${set("extensions", extensions.join(","))}${file("schema")}`,
      ),
  ].join("\n");
}
