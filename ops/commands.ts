/** Commands that the lab and production share. They differ in how they get at a stack. */
import type { Command } from "commander";
import type { OpsAccess } from "./access.ts";
import { drillFailover, renderDrill } from "./drill.ts";
import { drain, ready } from "./lb.ts";
import { probeApi, renderProbe } from "./probe.ts";
import { isHealthy, readStatus, renderStatus } from "./status.ts";

/** Runs a command's body with access to the stack; its number is the exit code. */
export type WithAccess = (body: (access: OpsAccess) => Promise<number>) => Promise<void>;

const print = (text: string): void => void process.stdout.write(`${text}\n`);
const say = (text: string): void => void process.stderr.write(`${text}\n`);

/** Adds `status`, `lb`, `probe` and `drill`. */
export function addOpsCommands(program: Command, withAccess: WithAccess): void {
  program
    .command("status")
    .description("nodes, etcd, Kubernetes and HAProxy at a glance; exit code 1 when something is not well")
    .option("--json", "machine-readable")
    .action((options) => withAccess((access) => status(access, options)));
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
      "drain, restart and put back the API server of every node; exit code 1 when clients see a gap",
    )
    .option("--node <node>", "this node only")
    .option("--json", "the result as JSON on standard output")
    .action((options) => withAccess((access) => failover(access, options)));
}

async function status(access: OpsAccess, options: { json?: boolean }): Promise<number> {
  const found = await readStatus(access);
  print(options.json ? JSON.stringify(found) : renderStatus(found));
  return isHealthy(found) ? 0 : 1;
}

async function probe(access: OpsAccess, options: { json?: boolean }): Promise<number> {
  const seen = await probeApi(access, say);
  print(options.json ? JSON.stringify(seen) : renderProbe(seen));
  return 0;
}

async function failover(access: OpsAccess, options: { node?: string; json?: boolean }): Promise<number> {
  const { node } = options;
  const result = await drillFailover(access, { say, ...(node !== undefined && { node }) });
  print(options.json ? JSON.stringify(result) : renderDrill(result));
  return result.passed ? 0 : 1;
}
