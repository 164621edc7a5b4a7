/** What PgBouncer reads, as pure text. */
import { LOOKUP_CONNECTIONS, POOLER } from "../../plan/pooler.ts";

export interface PoolSettings {
  /** Server connections of a pod, for each database and each way to it. */
  readonly poolSize: number;
  /** Client connections of a pod. */
  readonly maxClientConnections: number;
}

/** Where the files are mounted. */
export const FOLDER = "/etc/pgbouncer";

/** The role that looks verifiers up, and the only one that may read PgBouncer's statistics. */
const ROLE = "pgbouncer";

/** Name of a database's pool on the replicas. */
const readOnly = (database: string): string => `${database}_ro`;

/** Names that pools of applications cannot have: PgBouncer's console, and the ways to look verifiers up. */
const LOOKUP = "postgres";
const TAKEN = [LOOKUP, readOnly(LOOKUP), ROLE];

/** One way to a database. A pod's connections for it are shared by all its users, so they can be counted beforehand. */
const pool = (name: string, host: string, settings: Readonly<Record<string, string | number>>): string =>
  `${name} = host=${host} port=5432 ${Object.entries(settings)
    .map(([key, value]) => `${key}=${value}`)
    .join(" ")}`;

/** Verifiers are looked up where the pool itself leads to: replicas let new clients in while there is no primary. */
function pools(databases: readonly string[]): string[] {
  const names = databases.flatMap((database) => [database, readOnly(database)]);
  const wrong = names.find(
    (name, i) => TAKEN.includes(name) || names.indexOf(name) !== i || !/^[a-z]\w*$/.test(name),
  );
  if (wrong !== undefined) throw new Error(`the pooler can have no pool, or only one pool, named ${wrong}`);
  const lookup = { dbname: LOOKUP, pool_size: LOOKUP_CONNECTIONS, max_db_connections: LOOKUP_CONNECTIONS };
  return [
    pool(LOOKUP, POOLER.primary, lookup),
    pool(readOnly(LOOKUP), POOLER.replica, lookup),
    ...databases.flatMap((dbname) => [
      pool(dbname, POOLER.primary, { dbname, auth_dbname: LOOKUP }),
      pool(readOnly(dbname), POOLER.replica, { dbname, auth_dbname: readOnly(LOOKUP) }),
    ]),
  ];
}

const section = (name: string, lines: readonly string[]): string => [`[${name}]`, ...lines, ""].join("\n");

/**
 * The configuration, for PgBouncer 1.24 and newer. Nothing in it is secret.
 * @throws when a database's name, with or without `_ro`, is taken
 */
export function renderIni(databases: readonly string[], settings: PoolSettings): string {
  const values = {
    listen_addr: "0.0.0.0",
    listen_port: POOLER.port,
    // No socket: on it the operating system's user would be an administrator without a password.
    unix_socket_dir: "",
    pool_mode: "transaction",
    max_prepared_statements: 200,
    max_client_conn: settings.maxClientConnections,
    default_pool_size: settings.poolSize,
    max_db_connections: settings.poolSize,
    // Drivers send it, and no pooled session keeps it.
    ignore_startup_parameters: "extra_float_digits",

    auth_type: "scram-sha-256",
    auth_file: `${FOLDER}/userlist.txt`,
    auth_user: ROLE,
    auth_dbname: LOOKUP,
    auth_query: "SELECT usename, passwd FROM pgbouncer.get_auth($1)",
    admin_users: "",
    stats_users: ROLE,

    client_tls_sslmode: "require",
    client_tls_protocols: "secure",
    client_tls_cert_file: `${FOLDER}/tls.crt`,
    client_tls_key_file: `${FOLDER}/tls.key`,
    server_tls_sslmode: "verify-full",
    server_tls_protocols: "secure",
    server_tls_ca_file: `${FOLDER}/ca.crt`,

    // A failover: queries wait for the new primary instead of failing, the next attempt is never far, and connections
    // that lead nowhere are found. server_lifetime spreads what came together again after it.
    query_wait_timeout: 60,
    server_connect_timeout: 5,
    server_login_retry: 1,
    server_check_delay: 1,
    server_fast_close: 1,
    server_lifetime: 300,
    dns_nxdomain_ttl: 1,
    // A node that is gone sends no end of a connection: unanswered data or keep-alives end it after 15 seconds.
    tcp_keepalive: 1,
    tcp_keepidle: 10,
    tcp_keepintvl: 5,
    tcp_keepcnt: 3,
    tcp_user_timeout: 15_000,

    // Why a connection ended is logged, or a server that cannot be reached would go unnoticed. That one began is not.
    log_connections: 0,
    log_disconnections: 1,
    log_stats: 0,
  };
  const lines = Object.entries(values).map(([key, value]) => `${key} = ${value}`.trimEnd());
  return `${section("databases", pools(databases))}\n${section("pgbouncer", lines)}`;
}

/** PgBouncer's own users: the one that looks the others up. A secret. */
export function renderUserlist(password: string): string {
  return `"${ROLE}" "${password.replaceAll('"', '""')}"\n`;
}
