/** Clients of a lab's Postgres, outside the cluster. */
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect, vi } from "vitest";
import type { Status } from "../../../ops/status/index.ts";
import type { Checkout } from "./checkout.ts";
import { CLIENTS, type Cluster } from "./cluster.ts";
import { outputOf } from "./state.ts";

export interface Answer {
  readonly rows?: readonly Readonly<Record<string, unknown>>[];
  /** SQLSTATE, or the system's code of a connection that failed. */
  readonly code?: string;
  readonly message?: string;
}

export interface Question {
  readonly query?: string;
  readonly from?: keyof typeof CLIENTS;
  /** Public address of the node whose HAProxy is used. @default - n1's */
  readonly host?: string;
  readonly port?: number;
  readonly user?: string;
  readonly database?: string;
  readonly password?: string;
  /** @default - with the name and the authority of the servers */
  readonly ssl?: false;
}

const passwordOf = (lab: Checkout, role: string): string =>
  outputOf(lab, `postgres-${role}-password`, "result");

/** Asks as the role `app_rw` in the database `app`, unless told otherwise. */
export async function ask(lab: Checkout, question: Question = {}): Promise<Answer> {
  const { from = "admin", user = "app_rw", password, ssl, ...rest } = question;
  const file = join(lab.dir, ".lab/question.json");
  const options = {
    query: "SELECT 1 AS one",
    host: "198.51.100.11",
    port: 5432,
    database: "app",
    password: password ?? passwordOf(lab, user),
    user,
    localAddress: CLIENTS[from],
    ssl: ssl ?? { ca: outputOf(lab, "postgres-authority-ca", "certPem"), servername: "postgres-primary" },
    ...rest,
  };
  writeFileSync(file, JSON.stringify(options), { mode: 0o600 });
  return JSON.parse(await lab.must("exec", "--", "node", "test/e2e/support/pg-client.ts", file));
}

/** Role → how many members have it. */
export function rolesIn({ postgres }: Status): Readonly<Record<string, number>> {
  const counts: Record<string, number> = {};
  for (const { role } of postgres?.members ?? []) counts[role] = (counts[role] ?? 0) + 1;
  return counts;
}

/** Namespace of the members, and their pods. */
export const MEMBERS = "postgres-cluster";
export const INSTANCES = ["postgres-0", "postgres-1", "postgres-2"];

export const memberLogs = (cluster: Cluster, name: string): Promise<string> =>
  cluster.get("-n", MEMBERS, "logs", name, "-c", "postgres", "--tail=100");

/** What psql prints of a query by the superuser, on the leader. */
export const psql = async (lab: Checkout, query: string, database = "postgres"): Promise<string> =>
  (await lab.must("pg", "psql", "--", "-d", database, "-Atqc", query)).trim();

/** Writes a row that must be there ever after: see {@link readKept}. */
export async function keepRow(lab: Checkout): Promise<void> {
  const nothing = { rows: [] };
  expect(await ask(lab, { user: "app_owner", query: "CREATE TABLE app.kept (id int)" })).toEqual(nothing);
  expect(await ask(lab, { query: "INSERT INTO app.kept VALUES (1)" })).toEqual(nothing);
}

export const readKept = (lab: Checkout, question: Question = {}): Promise<Answer> =>
  ask(lab, { ...question, query: "SELECT id FROM app.kept" });

/** What {@link readKept} answers while nothing is lost. */
export const KEPT = { rows: [{ id: 1 }] };

/** As it is when all is well. */
export const WELL = { leader: 1, sync_standby: 1, replica: 1 };

/** Waits until all there is is well, with three members on one timeline: one that is starting has its role, but no timeline yet. */
export const untilWell = (lab: Checkout) =>
  vi.waitFor(
    async () => {
      const { code, stdout, all } = await lab.lab("status", "--json");
      expect(code, all).toBe(0);
      expect(rolesIn(JSON.parse(stdout))).toEqual(WELL);
    },
    { timeout: 180_000, interval: 1000 },
  );
