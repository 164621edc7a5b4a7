/** `pg`: commands for Postgres. */
import type { Command } from "commander";
import type { WithAccess } from "./access.ts";
import { type PgCommand, pg } from "./pg.ts";

export function addPostgresCommands(program: Command, withAccess: WithAccess): void {
  const group = program.command("pg").description("Postgres: planned changes, and a way in");
  const run = (command: PgCommand, args: readonly string[]) =>
    withAccess((access) => pg(access, command, args));
  group
    .command("switchover")
    .description("make a synchronous standby the leader; clients see a gap of some seconds")
    .argument("[instance]", "postgres-1; without it the best one")
    .action((instance?: string) => run("switchover", instance === undefined ? [] : [instance]));
  group
    .command("restart")
    .description("restart Postgres of one instance; a leader's clients see a gap")
    .argument("<instance>")
    .action((instance: string) => run("restart", [instance]));
  group
    .command("reinit")
    .description("throw a replica's data away and copy the leader's; refused for the leader")
    .argument("<instance>")
    .action((instance: string) => run("reinit", [instance]));
  group
    .command("psql")
    .description("psql as superuser on the leader; arguments for psql after --")
    .argument("[arguments...]")
    .action((args: readonly string[]) => run("psql", args));
}
