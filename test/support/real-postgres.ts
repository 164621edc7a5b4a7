/** A real Postgres from the image that the program ships, alone in a network of its own. */
import { appendFileSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe } from "vitest";
import { eventually } from "../machines/support/eventually.ts";
import { openTrees, ownFolder, SHARED, type Trees } from "./image-trees.ts";

/** Root directory of the database image. */
const TREE = process.env["GARDENOS_TEST_POSTGRES"] ?? "";

/** Tests that need one; without the image they are skipped, and their title says why. */
export function describeOnPostgres(title: string, tests: () => void): void {
  if (TREE) describe(title, tests);
  else describe.skip(`${title}: GARDENOS_TEST_POSTGRES names no tree of the database image`, tests);
}

const DATA = `${SHARED}/data`;
const SOCKET = `${SHARED}/run`;

/** As in the cluster: the superuser by the socket and its operating system's user, everybody else by password. */
const HBA = `local all supabase_admin peer map=local
local all all scram-sha-256
hostssl all all 127.0.0.1/32 scram-sha-256
`;

const CONFIG = `listen_addresses = '127.0.0.1'
unix_socket_directories = '${SOCKET}'
wal_level = logical
fsync = off
shared_buffers = 32MB
log_statement = all
log_min_duration_statement = 0
`;

interface Login {
  readonly database?: string;
  /** @default - supabase_admin, by the socket */
  readonly user?: string;
  readonly password?: string;
  /** PGOPTIONS: settings that the client asks for. */
  readonly options?: string;
}

export interface RealPostgres {
  readonly trees: Trees;
  readonly tree: string;
  /** Runs SQL by psql, on its standard input. @throws Error with psql's own words */
  sql(text: string, login?: Login): string;
  /** What the server wrote. */
  log(): string;
  /** Takes these lines into the configuration. */
  configure(lines: string): void;
  /** Crashes it, and starts it again after that. */
  restart(meanwhile: () => Promise<void>): Promise<void>;
  stop(): Promise<void>;
}

/** Starts one. @param more trees of other programs that are to see it */
export async function startPostgres(more: readonly string[] = []): Promise<RealPostgres> {
  const tree = TREE;
  const trees = await openTrees([tree, ...more]);
  const data = ownFolder(trees, "data");
  ownFolder(trees, "run");
  trees.run(tree, ["initdb", "-D", DATA, "--username=supabase_admin", "--encoding=UTF8", "--no-sync"]);
  writeFileSync(join(data, "pg_hba.conf"), HBA);
  writeFileSync(join(data, "pg_ident.conf"), "local postgres supabase_admin\n");
  const configure = (lines: string) => appendFileSync(join(data, "postgresql.conf"), lines);
  configure(CONFIG);
  const start = () => trees.start(tree, ["sh", "-c", `exec postgres -D ${DATA} 2>>${DATA}/log`]);
  start();
  const sql = (
    text: string,
    { database = "postgres", user = "supabase_admin", password, options }: Login = {},
  ) =>
    trees
      .run(tree, ["psql", "-XqAt", "-v", "ON_ERROR_STOP=1", "-h", SOCKET, "-U", user, "-d", database], {
        input: text,
        env: { ...(password && { PGPASSWORD: password }), ...(options && { PGOPTIONS: options }) },
      })
      .trim();
  const up = () => eventually(() => void sql("SELECT 1"));
  await up();
  return {
    trees,
    tree,
    sql,
    log: () => readFileSync(join(data, "log"), "utf8"),
    configure(lines) {
      configure(lines);
      sql("SELECT pg_reload_conf()");
    },
    async restart(meanwhile) {
      trees.run(tree, ["pg_ctl", "stop", "-D", DATA, "-m", "immediate"]);
      await meanwhile();
      start();
      await up();
    },
    stop: () => trees.stop(),
  };
}
