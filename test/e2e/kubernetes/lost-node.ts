/** A node without power, as clients of everything with two pods or more see it from outside. */
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { beforeAll, describe, expect, it } from "vitest";
import type { StackExports } from "../../../exports.ts";
import { untilWell } from "../support/postgres.ts";
import { outputOf } from "../support/state.ts";
import { cluster, lab } from "./stack.ts";

/** Seconds. The node is off after the first ones, and its pods count as ready for up to 45 more. */
const WATCHED = 60;
const WITH_ALL = 5;
const LONGEST_GAP_MS = 12_000;

/** What answers at each: the status of the sample app, and of Supabase's stand-ins. */
const PLACES = {
  api: ["https://api.gardenos.test/healthz", 200],
  auth: ["https://supabase.gardenos.test/auth/v1/health", 200],
  rest: ["https://supabase.gardenos.test/rest/v1/notes", 200],
  storage: ["https://supabase.gardenos.test/storage/v1/status", 200],
  // It has nothing that the gateway lets anybody ask: the stand-in says so itself.
  realtime: ["https://supabase.gardenos.test/realtime/v1/any", 501],
} as const;

type Place = keyof typeof PLACES;

let entry: string;
let options: string;

beforeAll(async () => {
  entry = await cluster.entry();
  const supabase: StackExports["supabase"] = JSON.parse(
    await lab.must("output", "supabase", "--json", "--show-secrets"),
  );
  const [caFile, file] = [join(lab.dir, ".lab/lost-node-ca.pem"), join(lab.dir, ".lab/lost-node.curl")];
  writeFileSync(caFile, outputOf(lab, "ingress-certificates-ca", "certPem"));
  const lines = [
    `cacert = "${caFile}"`,
    `header = "apikey: ${supabase?.publishableKey}"`,
    ...["api", "supabase"].map((name) => `resolve = "${name}.gardenos.test:443:${entry}"`),
  ];
  writeFileSync(file, lines.join("\n"));
  options = `--config ${file} --silent --output /dev/null --max-time 3 --write-out '%{http_code}'`;
});

/** When each request was answered as it should be, in milliseconds. */
async function answers(place: Place): Promise<readonly number[]> {
  const [url, status] = PLACES[place];
  const ask = `[ "$(curl ${options} ${url})" = ${status} ] && date +%s%3N`;
  const loop = `end=$(($(date +%s) + ${WATCHED})); while [ $(date +%s) -lt $end ]; do ${ask}; sleep 0.3; done`;
  const { stdout } = await lab.lab("exec", "--", "sh", "-c", loop);
  return stdout.trim().split("\n").map(Number);
}

/** A node with a pod of the API, and without the leader of Postgres: its loss is another test's. */
async function victim(): Promise<string> {
  const leader = (await lab.status()).postgres?.members.find(({ role }) => role === "leader")?.node;
  const pods = [
    "get",
    "pods",
    "-l",
    "app.kubernetes.io/name=api",
    "-o",
    "jsonpath={.items[*].spec.nodeName}",
  ];
  const nodes = (await cluster.get("-n", "apps", ...pods)).split(" ");
  return nodes.find((node) => node !== leader) ?? "";
}

const gapsBetween = (times: readonly number[], end: number) =>
  [...times.slice(1), end].map((time, i) => time - (times[i] ?? 0));

describe("a lost node", () => {
  it("is no lost service: another pod of each answers", async () => {
    const lost = await victim();
    const places = Object.keys(PLACES) as Place[];
    const watching = places.map(async (place) => {
      const times = await answers(place);
      return { place, answers: times.length, longestGapMs: Math.max(...gapsBetween(times, Date.now())) };
    });
    await sleep(WITH_ALL * 1000);
    await lab.must("machine", "poweroff", lost);
    const { nodes } = await lab.status();
    expect(nodes.filter(({ state }) => state === "off").map(({ name }) => name)).toEqual([lost]);
    const seen = await Promise.all(watching);
    await lab.must("machine", "poweron", lost);
    console.info(
      seen
        .map((one) => `${one.place}: ${one.answers} answers, longest gap ${one.longestGapMs} ms`)
        .join("\n"),
    );
    const worse = seen.filter((one) => one.answers < 20 || one.longestGapMs > LONGEST_GAP_MS);
    expect(worse, JSON.stringify(seen)).toEqual([]);
    await untilWell(lab);
  });
});
