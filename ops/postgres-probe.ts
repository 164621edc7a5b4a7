/** A client of Postgres that commits all the time, through the nodes' HAProxy, and remembers what it got. */
import { setTimeout as sleep } from "node:timers/promises";
import pg from "pg";
import type { DatabaseLogin, StackExports } from "../exports.ts";
import { type Call, type Measurement, summarize } from "./gaps.ts";

const FIRST_ANSWER_MS = 15_000;
/** What does not answer within this does not answer. */
const TIMEOUT_MS = 2000;
/** Commits, is waited for by a synchronous standby, fails on a replica, and leaves nothing behind. */
const HEARTBEAT = "SELECT pg_logical_emit_message(true, 'gardenos', '')";

export interface PostgresLogin extends DatabaseLogin {
  readonly database: string;
  readonly port: number;
  /** Authority of the servers' certificates, PEM. */
  readonly ca: string;
  /** In every member's certificate, whatever address a client came by. */
  readonly serverName: string;
}

export interface PostgresProbeOptions {
  readonly login: PostgresLogin;
  /** One after the other, the next one after each failure. */
  readonly hosts: readonly string[];
  /** From one call to the next. @default 100 */
  readonly intervalMs?: number;
  /** One commit over an open connection. @default - a heartbeat that leaves nothing behind */
  commit?(client: pg.Client): Promise<unknown>;
}

/** The first database's reader and writer. @throws Error when the stack has none */
export function loginOf({ postgres }: StackExports, role: "owner" | "rw" = "rw"): PostgresLogin {
  const [database] = Object.keys(postgres?.databases ?? {});
  const login = postgres?.databases[database ?? ""]?.[role];
  if (!postgres || database === undefined || !login) {
    throw new Error("the stack has no database to measure with; gardenos:postgres.databases names them");
  }
  return { ...login, database, port: postgres.port, ca: postgres.caPem, serverName: postgres.primary };
}

/** Runs until it is stopped, over one connection that it keeps while it works. */
export class PostgresProbe {
  readonly #options: PostgresProbeOptions;
  readonly #calls: Call[] = [];
  readonly #stopping = new AbortController();
  readonly #intervalMs: number;
  #client: pg.Client | undefined;
  #turn = 0;
  #lapBegan = 0;
  #end: Promise<void> = Promise.resolve();

  private constructor(options: PostgresProbeOptions) {
    this.#options = options;
    this.#intervalMs = options.intervalMs ?? 100;
  }

  /** At the stack's own hosts, with a heartbeat. */
  static start(exports: StackExports): Promise<PostgresProbe> {
    return PostgresProbe.startWith({ login: loginOf(exports), hosts: exports.postgres?.hosts ?? [] });
  }

  /**
   * Answers when a commit has worked.
   * @throws Error with the reason when none does in time
   */
  static async startWith(options: PostgresProbeOptions): Promise<PostgresProbe> {
    const probe = new PostgresProbe(options);
    const deadline = performance.now() + FIRST_ANSWER_MS;
    for (;;) {
      const { error } = await probe.#call();
      if (error === undefined) break;
      if (performance.now() > deadline) {
        const at = `${options.hosts.join(", ")} port ${options.login.port}`;
        throw new Error(
          `Postgres does not answer at ${at}: ${error}. Is your address in gardenos:postgres.allowedCidrs?`,
        );
      }
      await sleep(probe.#intervalMs);
    }
    probe.#end = probe.#run();
    return probe;
  }

  /** What it saw since the last lap, or since it was started. */
  lap(): Measurement {
    const until = performance.now();
    const seen = summarize(this.#calls, { intervalMs: this.#intervalMs, from: this.#lapBegan, until });
    this.#lapBegan = until;
    return seen;
  }

  /** Safe to repeat. */
  async stop(): Promise<void> {
    this.#stopping.abort();
    await this.#end;
    await this.#drop();
  }

  async #run(): Promise<void> {
    const { signal } = this.#stopping;
    while (!signal.aborted) {
      const { began } = await this.#call();
      const pause = Math.max(0, began + this.#intervalMs - performance.now());
      await sleep(pause, undefined, { signal }).catch(() => undefined);
    }
  }

  async #call(): Promise<Call> {
    const { commit = (client) => client.query(HEARTBEAT) } = this.#options;
    const began = performance.now();
    const error = await this.#connected()
      .then(commit)
      .then(() => undefined, reasonOf);
    if (error !== undefined) await this.#drop();
    const call = { began, ended: performance.now(), ...(error !== undefined && { error }) };
    this.#calls.push(call);
    return call;
  }

  async #connected(): Promise<pg.Client> {
    if (this.#client) return this.#client;
    const { login, hosts } = this.#options;
    const host = hosts[this.#turn++ % hosts.length] ?? "";
    const { user, password, database, port, ca, serverName: servername } = login;
    const client = new pg.Client({
      ...{ host, port, user, password, database, ssl: { ca, servername } },
      ...{
        connectionTimeoutMillis: TIMEOUT_MS,
        query_timeout: TIMEOUT_MS,
        application_name: "gardenos-probe",
      },
    });
    // A connection that breaks between two calls shows in the next one.
    client.on("error", () => undefined);
    this.#client = client;
    await client.connect();
    return client;
  }

  /** Not waited for: a server that is gone says no good-bye. */
  async #drop(): Promise<void> {
    const client = this.#client;
    this.#client = undefined;
    client?.end().catch(() => undefined);
  }
}

/** A word to count by. */
function reasonOf(error: Error & { readonly code?: string }): string {
  return error.code ?? error.message;
}
