/**
 * `make load`: eight clients write leads over HTTPS, through load balancer, HAProxy, ingress, service and pooler, to Postgres. With
 * `--kill-postgres` the leader's Postgres is killed meanwhile, and what was acknowledged is looked for afterwards. Runs inside the lab's network.
 */
import { setTimeout as sleep } from "node:timers/promises";
import { parseArgs } from "node:util";
import { openLab } from "../lab/lab.ts";
import { labAccess } from "../lab/node-access.ts";
import { stackExports } from "../lab/outputs.ts";
import type { OpsAccess } from "../ops/access.ts";
import { POSTGRES_NODE, pgStatus } from "../ops/pg.ts";
import { renderTable } from "../ops/table.ts";
import { type LoadSummary, summarizeLoad, type Written, writeAll } from "./http-load.ts";

const LEAD = { name: "load", message: "How do I keep snails from lettuce?" };
/** Before something happens: connections are there. */
const WARM_UP_MS = 5000;

/** Ids that were acknowledged and are not there. */
async function missing(access: OpsAccess, calls: readonly Written[]): Promise<number> {
  const ids = calls.flatMap(({ id }) => id ?? []);
  const [node = ""] = Object.keys(access.exports.nodes);
  const query = `SELECT count(*) FROM app.leads WHERE id = ANY ('{${ids.join(",")}}')`;
  // By standard input: a command line has an end.
  const found = await access.run(node, `${POSTGRES_NODE} psql -d app -qAt <<'SQL'\n${query};\nSQL`);
  return ids.length - Number(found.trim());
}

async function killPostgres(access: OpsAccess): Promise<void> {
  const leader = (await pgStatus(access)).members.find(({ role }) => role === "leader");
  await access.run(leader?.node ?? "", "pkill -KILL -x postgres");
}

function render(
  { answers, errors, perSecond, medianMs, p99Ms, failed, reasons }: LoadSummary,
  lost: number,
): string {
  const row = [
    String(answers),
    perSecond.toFixed(0),
    medianMs.toFixed(1),
    p99Ms.toFixed(1),
    String(errors),
    String(lost),
  ];
  const table = renderTable(
    ["answers", "a second", "median ms", "p99 ms", "errors", "acknowledged and lost"],
    [row],
  );
  const when = failed
    ? `Errors from ${failed.first.toFixed(0)} to ${failed.last.toFixed(0)} ms after it: ${JSON.stringify(reasons)}`
    : "";
  return [table, when].filter(Boolean).join("\n");
}

const { values } = parseArgs({
  options: {
    seconds: { type: "string", default: "20" },
    clients: { type: "string", default: "8" },
    "kill-postgres": { type: "boolean", default: false },
    json: { type: "boolean", default: false },
  },
});
const lab = openLab();
const access = labAccess(lab, await stackExports(lab));
const { services, entry } = access.exports;
const url = services?.urls["api"];
if (!url) throw new Error("the stack has no service api with a host: see Pulumi.lab.yaml");
const [seconds, clients] = [Number(values.seconds), Number(values.clients)];
const options = { url: new URL("/leads", url), address: entry?.addresses[0] ?? "", ca: services.caPem ?? "" };
const began = performance.now();
const writing = writeAll({ ...options, body: LEAD, clients, seconds });
await sleep(WARM_UP_MS);
const happened = values["kill-postgres"] ? performance.now() : began;
if (values["kill-postgres"]) await killPostgres(access);
const calls = await writing;
const summary = summarizeLoad(calls, seconds, happened);
const lost = await missing(access, calls);
console.log(values.json ? JSON.stringify({ ...summary, lost }) : render(summary, lost));
process.exitCode = lost > 0 ? 1 : 0;
