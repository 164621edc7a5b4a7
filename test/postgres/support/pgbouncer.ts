/** A real PgBouncer with the rendered files before a real Postgres, both with certificates of one authority. */
import { execFileSync } from "node:child_process";
import { chownSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { FOLDER, renderIni, renderUserlist } from "../../../components/pgbouncer/render.ts";
import { eventually } from "../../machines/support/eventually.ts";
import { ownFolder, SHARED } from "../../support/image-trees.ts";
import { type RealPostgres, startPostgres } from "../../support/real-postgres.ts";
import { DATABASES, password, SQL } from "./cluster.ts";

/** Root directory of the pooler's image. */
export const POOLER_TREE = process.env["GARDENOS_TEST_PGBOUNCER"] ?? "";

const INSIDE = `${SHARED}/pgbouncer`;

export interface RealPooler {
  readonly postgres: RealPostgres;
  /** Runs SQL as a role through a pool. @throws Error with psql's own words */
  sql(text: string, login: PoolLogin): string;
  /** The shell command that does the same, for clients that stay. */
  command(login: PoolLogin): string;
  /** Sends a signal. */
  signal(name: string): void;
  log(): string;
  stop(): Promise<void>;
}

interface PoolLogin {
  readonly user: string;
  readonly database?: string;
  /** @default - the role's own */
  readonly password?: string;
  readonly sslmode?: string;
  /** Seconds that it waits for a connection. */
  readonly patience?: number;
}

/** An authority, a member's certificate for the Services' names, and the pooler's. */
function makePki(folder: string): void {
  const ec = ["req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "2"];
  const issue = (name: string, ...more: string[]) =>
    execFileSync(
      "openssl",
      [...ec, "-subj", `/CN=${name}`, "-out", `${name}.crt`, "-keyout", `${name}.key`, ...more],
      {
        cwd: folder,
        stdio: "pipe",
      },
    );
  const names = (...dns: string[]) => [
    "-addext",
    `subjectAltName=${dns.map((each) => `DNS:${each}`).join(",")}`,
  ];
  const signed = ["-CA", "ca.crt", "-CAkey", "ca.key", "-addext", "basicConstraints=CA:FALSE"];
  // Python refuses an authority that does not say what its key is for.
  issue("ca", "-addext", "keyUsage=critical,keyCertSign,cRLSign");
  issue("member", ...signed, ...names("postgres-primary", "postgres-replica"));
  issue("tls", ...signed, ...names("pgbouncer"));
}

/**
 * Starts both. One connection a pool, so that every test meets a full one; and a pool `stranger`, to a server whose
 * certificate has another name. `more` are trees of other programs that are to see them.
 */
export async function startPooler(more: readonly string[] = []): Promise<RealPooler> {
  const postgres = await startPostgres([POOLER_TREE, ...more]);
  const { trees, tree } = postgres;
  const folder = ownFolder(trees, "pgbouncer");
  const { uid, gid } = statSync(folder);
  makePki(folder);
  const ini = renderIni(Object.keys(DATABASES), { poolSize: 1, maxClientConnections: 100 })
    .replaceAll(FOLDER, INSIDE)
    .replace("\n\n", "\nstranger = host=stranger port=5432 dbname=app\n\n");
  writeFileSync(join(folder, "pgbouncer.ini"), ini);
  writeFileSync(join(folder, "userlist.txt"), renderUserlist(password("pgbouncer")));
  for (const name of ["tls.key", "member.key"]) chownSync(join(folder, name), uid, gid);
  postgres.configure(
    `ssl = on\nssl_cert_file = '${INSIDE}/member.crt'\nssl_key_file = '${INSIDE}/member.key'\n`,
  );
  postgres.sql(SQL);
  const start = `echo $$ >${INSIDE}/pid; exec pgbouncer ${INSIDE}/pgbouncer.ini 2>${INSIDE}/log`;
  trees.start(POOLER_TREE, ["sh", "-c", start]);

  const target = ({ user, database = "app", sslmode = "verify-full", patience = 30 }: PoolLogin) =>
    `host=pgbouncer port=6432 dbname=${database} user=${user} sslmode=${sslmode} sslrootcert=${INSIDE}/ca.crt connect_timeout=${patience}`;
  const secret = ({ user, password: own = password(user) }: PoolLogin) => own;
  const sql = (text: string, login: PoolLogin) =>
    trees
      .run(tree, ["psql", "-XqAt", "-v", "ON_ERROR_STOP=1", target(login)], {
        input: text,
        env: { PGPASSWORD: secret(login) },
      })
      .trim();
  await eventually(() => void sql("SHOW VERSION", { user: "pgbouncer", database: "pgbouncer" }));
  return {
    postgres,
    sql,
    command: (login) => `PGPASSWORD=${secret(login)} psql -XqAt -v ON_ERROR_STOP=1 '${target(login)}'`,
    signal: (name) => void trees.run(POOLER_TREE, ["sh", "-c", `kill -${name} $(cat ${INSIDE}/pid)`]),
    log: () => readFileSync(join(folder, "log"), "utf8"),
    stop: () => postgres.stop(),
  };
}
