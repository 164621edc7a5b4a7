/** Commands that the lab and production share. They differ in how they get at a stack. */
import { type Command, InvalidArgumentError, Option } from "commander";
import type { OpsAccess, WithAccess } from "./access.ts";
import { addCheckCommands } from "./check-commands.ts";
import { drillFailover, renderDrill } from "./drill.ts";
import { drillPostgres } from "./drill-postgres.ts";
import { drain, ready } from "./lb.ts";
import { addPostgresCommands } from "./pg-commands.ts";
import { probeApi, renderProbe } from "./probe.ts";
import { isHealthy, readStatus, renderStatus, type Status } from "./status/index.ts";
import { untilInterrupted, watch } from "./watch.ts";

const print = (text: string): void => void process.stdout.write(`${text}\n`);
const say = (text: string): void => void process.stderr.write(`${text}\n`);

function atLeastOne(text: string): number {
  if (!/^[1-9]\d{0,3}$/.test(text)) throw new InvalidArgumentError("Wanted a number of seconds from 1 on.");
  return Number(text);
}

/** Adds `status`, `validate`, `debug`, `pg`, `lb`, `probe` and `drill`. */
export function addOpsCommands(program: Command, withAccess: WithAccess): void {
  program
    .command("status")
    .description(
      "nodes, etcd, Kubernetes, HAProxy and Postgres at a glance; exit code 1 when something is not well",
    )
    .option("--json", "machine-readable")
    .option(
      "--watch [seconds]",
      "look again and again until Ctrl-C; with --json, one JSON a line",
      atLeastOne,
    )
    .action((options) => withAccess((access) => status(access, options)));
  addPostgresCommands(program, withAccess);
  addCheckCommands(program, withAccess);
  const lb = program.command("lb").description("a node's part in the load balancer");
  const sentence = (command: (access: OpsAccess, node: string) => Promise<string>) => (node: string) =>
    withAccess(async (access) => {
      print(await command(access, node));
      return 0;
    });
  lb.command("drain")
    .description("take a node out: new connections go to the others; refused for the last one")
    .argument("<node>")
    .action(sentence(drain));
  lb.command("ready").description("put a node back").argument("<node>").action(sentence(ready));
  program
    .command("probe")
    .description(
      "call the Kubernetes API until Ctrl-C, and say what was seen: for measuring while something happens",
    )
    .option("--json", "the measurement as JSON on standard output")
    .action((options) => withAccess((access) => probe(access, options)));
  program
    .command("drill")
    .description("practise on a living cluster")
    .command("failover")
    .description(
      "drain, restart and put back the API server of every node, or hand over Postgres; exit code 1 when clients see a gap",
    )
    .addOption(
      new Option("--layer <layer>", "what to practise on").choices(["api", "postgres"]).default("api"),
    )
    .option("--node <node>", "the API server of this node only")
    .option("--json", "the result as JSON on standard output")
    .action((options) => withAccess((access) => failover(access, options)));
}

interface StatusOptions {
  readonly json?: boolean;
  /** True: every two seconds. */
  readonly watch?: number | true;
}

async function status(access: OpsAccess, { json = false, watch: every }: StatusOptions): Promise<number> {
  const draw = (found: Status) => (json ? JSON.stringify(found) : renderStatus(found));
  if (every === undefined) {
    const found = await readStatus(access);
    print(draw(found));
    return isHealthy(found) ? 0 : 1;
  }
  const redraw = !json && process.stdout.isTTY === true;
  const clock = () => (json ? "" : `${new Date().toISOString()}\n`);
  await watch(async () => clock() + draw(await readStatus(access)), {
    ...{ seconds: every === true ? 2 : every, redraw, signal: untilInterrupted() },
    write: (text) => void process.stdout.write(text),
  });
  return 0;
}

async function probe(access: OpsAccess, options: { json?: boolean }): Promise<number> {
  const seen = await probeApi(access, say);
  print(options.json ? JSON.stringify(seen) : renderProbe(seen));
  return 0;
}

interface FailoverOptions {
  readonly layer: "api" | "postgres";
  readonly node?: string;
  readonly json?: boolean;
}

async function failover(access: OpsAccess, options: FailoverOptions): Promise<number> {
  const { node, layer } = options;
  if (layer === "postgres" && node !== undefined) {
    throw new Error("--node is for the API: Postgres' new leader is its synchronous standby");
  }
  const result = await (layer === "postgres"
    ? drillPostgres(access, say)
    : drillFailover(access, { say, ...(node !== undefined && { node }) }));
  print(options.json ? JSON.stringify(result) : renderDrill(result));
  return result.passed ? 0 : 1;
}
