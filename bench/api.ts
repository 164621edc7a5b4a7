/**
 * `make bench`: what HAProxy costs. One node calls API servers directly and through its own HAProxy, in turns within one
 * run, so that the ratio holds on a machine that does other work. Runs inside the lab's network.
 */
import { openLab } from "../lab/lab.ts";
import { labAccess } from "../lab/node-access.ts";
import { stackExports } from "../lab/outputs.ts";
import { readRepositoryFile } from "../lib/repository-file.ts";
import type { OpsAccess } from "../ops/access.ts";
import { renderTable } from "../ops/table.ts";
import { PORTS } from "../plan/ports.ts";
import { parseSample, ratios, renderSpread, type Sample, spread } from "./samples.ts";

const TURNS = 9;
const CALLS = 300;
const CLIENTS = [1, 9];

const quoted = (text: string): string => `'${text.replaceAll("'", `'\\''`)}'`;

async function load(
  access: OpsAccess,
  node: string,
  port: number,
  addresses: readonly string[],
): Promise<Sample> {
  const script = quoted(readRepositoryFile("bench/load.sh"));
  return parseSample(
    await access.run(node, `bash -c ${script} load.sh ${port} ${CALLS} ${addresses.join(" ")}`),
  );
}

/** `count` of the addresses, in turn, from another one each time. */
function rotated(addresses: readonly string[], count: number, turn: number): readonly string[] {
  return Array.from({ length: count }, (_, i) => addresses[(turn + i) % addresses.length] ?? "");
}

async function compare(access: OpsAccess, clients: number): Promise<readonly (readonly string[])[]> {
  const nodes = Object.values(access.exports.nodes);
  const [node = ""] = Object.keys(access.exports.nodes);
  const direct: Sample[] = [];
  const through: Sample[] = [];
  for (let turn = 0; turn < TURNS; turn++) {
    // HAProxy spreads connections over all API servers, so the direct calls do, too.
    const servers = rotated(
      nodes.map(({ privateIp }) => privateIp),
      clients,
      turn,
    );
    direct.push(await load(access, node, PORTS.k3s.port, servers));
    through.push(await load(access, node, PORTS.kubernetesApi.port, rotated(["127.0.0.1"], clients, turn)));
  }
  const row = (way: string, samples: readonly Sample[]) => [
    String(clients),
    way,
    renderSpread(spread(samples.map(({ perSecond }) => perSecond)), 0),
    renderSpread(spread(samples.map(({ medianMs }) => medianMs)), 2),
    renderSpread(spread(samples.map(({ p99Ms }) => p99Ms)), 2),
  ];
  const ratio = (of: (sample: Sample) => number) => renderSpread(ratios(direct.map(of), through.map(of)), 2);
  return [
    row("direct", direct),
    row("HAProxy", through),
    [
      String(clients),
      "ratio",
      ratio(({ perSecond }) => perSecond),
      ratio(({ medianMs }) => medianMs),
      ratio(({ p99Ms }) => p99Ms),
    ],
  ];
}

const lab = openLab();
const access = labAccess(lab, await stackExports(lab));
const rows: (readonly string[])[] = [];
for (const clients of CLIENTS) rows.push(...(await compare(access, clients)));
console.log(renderTable(["clients", "way", "calls/s", "median ms", "p99 ms"], rows));
console.log(
  `GET /version over kept connections, ${TURNS} turns of ${CALLS} calls a client: median (lowest–highest).`,
);
