/**
 * `make bench LAYER=postgres`: what HAProxy and PgBouncer cost, and what they save. pgbench goes to the primary by four ways, in
 * turns within one run, so that the ratio holds on a machine that does other work. Runs inside the lab's network.
 */
import pRetry from "p-retry";
import { labWorld } from "../lab/faults/world.ts";
import { openLab } from "../lab/lab.ts";
import { labAccess } from "../lab/node-access.ts";
import { stackExports } from "../lab/outputs.ts";
import { loginOf } from "../ops/postgres-probe.ts";
import { readStatus } from "../ops/status/index.ts";
import { renderTable } from "../ops/table.ts";
import { POOLER } from "../plan/pooler.ts";
import { POSTGRES } from "../plan/postgres.ts";
import { type PgbenchSample, parsePgbench } from "./pgbench.ts";
import { benchObjects, NAME, namespace } from "./postgres-pod.ts";
import { ratios, renderSpread, spread } from "./samples.ts";

const TURNS = 7;
const SECONDS = 4;
const CLIENTS = 4;
/** A machine that has nothing left for HAProxy's checks loses the connection that pgbench was started by. */
const TRIES = 3;
const SCALE = "5";

const LOADS = {
  "read and write": [],
  "read only": ["-S"],
  "a connection each": ["-S", "-C"],
} as const;

const lab = openLab();
const access = labAccess(lab, await stackExports(lab));
const { kubectl } = labWorld(lab, access);
const leader = (await readStatus(access)).postgres?.members.find(({ role }) => role === "leader")?.name;
if (leader === undefined) throw new Error("Postgres has no leader; `make status` shows the members");

const direct = `${leader}.${POSTGRES.members}.${namespace}`;
const port = String(POSTGRES.ports.postgres);
const pooled = String(POOLER.port);
/** What libpq is told; the way that is compared with comes first. */
const WAYS = {
  direct: { PGHOST: direct, PGPORT: port },
  HAProxy: { PGHOST: `${POSTGRES.primary}.${namespace}`, PGPORT: port },
  PgBouncer: { PGHOST: POOLER.name, PGHOSTADDR: "127.0.0.1", PGPORT: pooled },
  both: { PGHOST: `${POOLER.name}.${namespace}`, PGPORT: pooled },
} as const;
type Way = keyof typeof WAYS;
const ways = Object.keys(WAYS) as readonly Way[];

const imageOf = (selector: string) =>
  kubectl([
    ...["-n", namespace, "get", "pods", "-l", `app.kubernetes.io/name=${selector}`],
    ...["-o", "jsonpath={.items[0].spec.containers[0].image}"],
  ]);

function pgbench(way: Way, args: readonly string[]): Promise<string> {
  const env = Object.entries(WAYS[way]).map(([name, value]) => `${name}=${value}`);
  return kubectl(["-n", namespace, "exec", NAME, "-c", "pgbench", "--", "env", ...env, "pgbench", ...args]);
}

async function compare(load: keyof typeof LOADS): Promise<readonly (readonly string[])[]> {
  const samples = Object.fromEntries(ways.map((way) => [way, []])) as unknown as Record<Way, PgbenchSample[]>;
  const args = ["-n", "-M", "simple", "-c", String(CLIENTS), "-T", String(SECONDS), ...LOADS[load]];
  for (let turn = 0; turn < TURNS; turn++) {
    process.stderr.write(`${load}: turn ${turn + 1} of ${TURNS}\n`);
    for (const way of ways) {
      samples[way].push(
        await pRetry(async () => parsePgbench(await pgbench(way, args)), { retries: TRIES - 1 }),
      );
    }
  }
  const rates = (way: Way) => samples[way].map(({ perSecond }) => perSecond);
  return ways.map((way) => [
    load,
    way,
    renderSpread(spread(rates(way)), 0),
    renderSpread(spread(samples[way].map(({ latencyMs }) => latencyMs)), 2),
    renderSpread(ratios(rates("direct"), rates(way)), 2),
  ]);
}

const ini = (
  await kubectl(["-n", namespace, "get", "configmap", POOLER.name, "-o", "jsonpath={.data.pgbouncer\\.ini}"])
).replaceAll(`host=${POOLER.primary} `, `host=${direct} `);
const objects = JSON.stringify(
  benchObjects({
    ini,
    login: loginOf(access.exports, "owner"),
    images: { postgres: await imageOf(POSTGRES.name), pgbouncer: await imageOf(POSTGRES.pooler) },
  }),
);
await kubectl(["apply", "-f", "-"], objects);
try {
  await kubectl(["-n", namespace, "wait", "pod", NAME, "--for=condition=Ready", "--timeout=60s"]);
  await pgbench("direct", ["-i", "-q", "-s", SCALE]);
  const rows: (readonly string[])[] = [];
  for (const load of Object.keys(LOADS) as (keyof typeof LOADS)[]) rows.push(...(await compare(load)));
  console.log(renderTable(["load", "way", "transactions/s", "mean ms", "ratio of rates"], rows));
  console.log(
    `pgbench, ${CLIENTS} clients, scale ${SCALE}, ${TURNS} turns of ${SECONDS} s: median (lowest–highest).`,
  );
} finally {
  await pgbench("direct", ["-i", "-I", "d"]).catch(() => undefined);
  await kubectl(["delete", "--wait=false", "-f", "-"], objects);
}
