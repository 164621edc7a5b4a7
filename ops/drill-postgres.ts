/** `drill failover --layer postgres`: one planned hand-over, and what a client outside the cluster sees of it. */
import type { OpsAccess } from "./access.ts";
import type { DrillResult } from "./drill.ts";
import { pg } from "./pg.ts";
import { PostgresProbe } from "./postgres-probe.ts";
import { isHealthy, readStatus, renderStatus } from "./status/index.ts";
import { waitFor } from "./wait.ts";

/** What clients may see of a planned hand-over. */
const LIMIT_MS = 3500;
const SETTLE_SECONDS = 60;

/**
 * The client writes nothing that stays: messages into the log of changes, which nobody reads.
 * @throws Error before anything is touched when the cluster is not well, or Postgres can't be reached from here
 */
export async function drillPostgres(access: OpsAccess, say: (line: string) => void): Promise<DrillResult> {
  const found = await readStatus(access);
  if (!found.postgres) throw new Error("no drill: the stack has no Postgres yet; `up` builds it");
  if (!isHealthy(found)) {
    throw new Error(`no drill: the cluster is not well. Nothing was touched.\n${renderStatus(found)}`);
  }
  const probe = await PostgresProbe.start(access.exports);
  const leader = found.postgres.members.find(({ role }) => role === "leader");
  let failure: string | undefined;
  let seconds = 0;
  try {
    probe.lap();
    say(`${leader?.name}: switchover`);
    const began = performance.now();
    if ((await pg(access, "switchover")) !== 0) failure = "the switchover failed; the reason is above";
    seconds = (performance.now() - began) / 1000;
    const settled = await waitFor(async () => isHealthy(await readStatus(access)), {
      seconds: SETTLE_SECONDS,
    });
    if (!settled) failure ??= `the cluster is not well ${SETTLE_SECONDS} s after the switchover`;
  } finally {
    await probe.stop();
  }
  const seen = probe.lap();
  const steps = [{ node: leader?.node ?? "", step: "switchover" as const, seconds, ...seen }];
  const passed = failure === undefined && seen.calls > 0 && seen.longestGapMs <= LIMIT_MS;
  const addresses = access.exports.postgres?.hosts ?? [];
  return { addresses, limitMs: LIMIT_MS, steps, passed, ...(failure !== undefined && { failure }) };
}
