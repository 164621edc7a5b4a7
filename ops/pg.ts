/** `pg`: on-call's hands on Postgres. The work is done by `postgres-node` on a node; these choose the node. */
import type { OpsAccess } from "./access.ts";
import { shellWord } from "./ssh.ts";
import type { PostgresStatus } from "./status/index.ts";

/** On every node with an API server. */
export const POSTGRES_NODE = "/usr/local/lib/gardenos/postgres-node";

export type PgCommand = "switchover" | "restart" | "reinit" | "psql";

/**
 * Runs one of the script's commands on this terminal; progress and refusals are the script's own words.
 * @returns the script's exit code
 * @throws Error while the stack has no Postgres, or when no node lets us in
 */
export async function pg(
  access: OpsAccess,
  command: PgCommand,
  args: readonly string[] = [],
): Promise<number> {
  const node = await workingNode(access);
  return access.terminal(node, [POSTGRES_NODE, command, ...args.map(shellWord)].join(" "));
}

/** The cluster as Patroni has it. @throws Error when no member answers */
export async function pgStatus(access: OpsAccess): Promise<PostgresStatus> {
  return JSON.parse(await access.run(await workingNode(access), `${POSTGRES_NODE} status`));
}

/** Patroni's own JSON. @throws Error when no member answers */
export async function pgShow(access: OpsAccess, what: "cluster" | "config" | "history"): Promise<string> {
  return access.run(await workingNode(access), `${POSTGRES_NODE} show ${what}`);
}

/** The first node that lets us in and has the script. */
async function workingNode(access: OpsAccess): Promise<string> {
  const { nodes, postgres } = access.exports;
  if (!postgres) throw new Error("the stack has no Postgres yet; `up` builds it");
  for (const key of Object.keys(nodes)) {
    const has = await access.run(key, `test -x ${POSTGRES_NODE}`).then(
      () => true,
      () => false,
    );
    if (has) return key;
  }
  throw new Error(`no node lets us in: ${Object.keys(nodes).join(", ")}; see \`${access.self} status\``);
}
