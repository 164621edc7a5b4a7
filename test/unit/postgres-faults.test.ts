/** How writers' acknowledgements are judged: rows that are gone, two primaries, times without any. */
import { describe, expect, it } from "vitest";
import type { World } from "../../lab/faults/faults.ts";
import {
  type Attempt,
  longestGapMs,
  lostRows,
  parseAttempts,
  paths,
  splitBrainAcks,
} from "../../lab/faults/postgres/acks.ts";
import {
  missesOf,
  type PostgresRun,
  renderPostgresFaults,
  renderPostgresRun,
} from "../../lab/faults/postgres/report.ts";
import { sceneOf } from "../../lab/faults/postgres/scene.ts";
import { chances } from "../../lib/chance.ts";
import { postgresWell } from "../support/ops-access.ts";

const ack = (n: number, ended: number, timeline = 1, server = `10.42.0.${timeline}`): Attempt => ({
  ...{ n, began: ended - 5, ended, timeline, server },
});
const failed = (n: number, ended: number): Attempt => ({ n, began: ended - 5, ended, error: "57P01" });

describe("lost rows", () => {
  it("are those that were acknowledged; of the others nothing is known", () => {
    expect(lostRows([ack(1, 10), ack(2, 20), failed(3, 30), ack(4, 40)], new Set([1, 3]))).toEqual([2, 4]);
  });
});

describe("two primaries", () => {
  it("are none when the newer one begins after the older one has ended", () => {
    expect(splitBrainAcks([ack(1, 10), ack(2, 20), ack(3, 5000, 2), ack(4, 5010, 2)])).toEqual([]);
  });

  it("show by an acknowledgement of the older one after the newer one's first", () => {
    const late = ack(3, 5200);
    expect(splitBrainAcks([ack(1, 10), ack(2, 5000, 2), late])).toEqual([late]);
  });

  it("are not seen in the order of two that arrive together", () => {
    expect(splitBrainAcks([ack(2, 5000, 2), ack(1, 5050)])).toEqual([]);
  });

  it("show by another server on the same timeline", () => {
    const other = ack(2, 20, 1, "10.42.9.9");
    expect(splitBrainAcks([ack(1, 10), other, ack(3, 30)])).toEqual([other]);
  });
});

describe("the longest time without an acknowledgement", () => {
  const window = { since: 100, until: 10_000, intervalMs: 10 };

  it("is from one to the next, whatever failed in between, without the writer's own pause", () => {
    const attempts = [ack(1, 90), failed(2, 2000), ack(3, 4100), ack(4, 9990)];
    expect(longestGapMs(attempts, window)).toBe(9990 - 4100 - 10);
  });

  it("that ended before the fault is not the fault's", () => {
    expect(longestGapMs([ack(1, 1), ack(2, 99), ack(3, 109)], { ...window, until: 115 })).toBe(0);
  });

  it("counts as far as it went when it has not ended", () => {
    expect(longestGapMs([ack(1, 90), ack(2, 110)], window)).toBe(10_000 - 110 - 10);
  });
});

it("a line that was cut off is no attempt", () => {
  expect(parseAttempts('{"n":1,"began":1,"ended":2,"timeline":1,"server":"a"}\n{"n":2,"beg')).toHaveLength(1);
});

describe("the scene", () => {
  const etcd = { version: "3", members: [{ name: "n2", healthy: true, leader: true }] };
  const nodes = ["n1", "n2", "n3"].map((name) => ({ name }) as never);

  it("has a witness that is not the leader's node, and the synchronous standby first", () => {
    const chance = chances("7");
    const scenes = Array.from({ length: 20 }, () =>
      sceneOf({} as World, { postgres: postgresWell(), etcd, nodes }, chance),
    );
    expect(new Set(scenes.map(({ witness }) => witness))).toEqual(new Set(["n2", "n3"]));
    expect(scenes[0]).toMatchObject({ leader: { name: "postgres-0", node: "n1" }, etcdLeader: "n2" });
    expect(scenes[0]?.replicas.map(({ name }) => name)).toEqual(["postgres-1", "postgres-2"]);
  });
});

describe("the verdict", () => {
  const seen = { acked: 1000, lost: 0, splitBrain: 0, longestGapMs: 900 };
  const run = (changes: Partial<PostgresRun> = {}, ofNode: Partial<typeof seen> = {}): PostgresRun => ({
    ...{
      fault: "partition",
      leader: "postgres-0",
      node: "n1",
      etcdLeader: "n2",
      injected: "2026-11-26T00:00:00Z",
    },
    ...{ limitMs: 1000, losesRows: false, backSeconds: 12.5 },
    seen: { node: { ...seen, ...ofNode }, nodes: seen, service: seen, pooler: seen },
    ...changes,
  });

  it("is good when nothing is lost, nobody waits too long and the cluster comes back", () => {
    expect(missesOf(run())).toEqual([]);
  });

  it("names what was not as promised, and on which path", () => {
    expect(missesOf(run({ backSeconds: null }, { lost: 3, splitBrain: 2, longestGapMs: 1500 }))).toEqual([
      "one node's HAProxy: 3 ACKNOWLEDGED ROWS LOST",
      "one node's HAProxy: 2 rows acknowledged by a SECOND PRIMARY",
      "the cluster did not recover",
      "one node's HAProxy: 1.50 s, wanted at most 1 s",
    ]);
    expect(missesOf(run({ backSeconds: 60.5 }))).toEqual(["back after 60.5 s, wanted at most 60 s"]);
    expect(missesOf(run({}, { acked: 0 }))).toEqual(["one node's HAProxy: nothing was written"]);
  });

  it("is the API's, too, where the fault is one of nodes", () => {
    const node = { calls: 100, errors: 2, medianMs: 3, longestGapMs: 4000, gaps: [], reasons: {} };
    const api = {
      ...{ fault: "partition", victims: ["n1"], witness: "n2", leaderHit: false },
      ...{ apiSurvives: true, backSeconds: null, seen: { node } },
    };
    expect(missesOf(run({ api }))).toEqual([
      "API: the cluster did not recover",
      "API: surviving node 4.00 s, wanted at most 3 s",
    ]);
    expect(renderPostgresRun(run({ api: { ...api, backSeconds: 31.5 } }))).toContain(
      "; API: gaps surviving node 4.00 s, back after 31.5 s: MISSED: API: surviving node 4.00 s,",
    );
    expect(missesOf(run({ api: { ...api, leaderHit: true, backSeconds: 31.5 } }))).toEqual([]);
  });

  it("of the control is bad when it loses nothing", () => {
    expect(missesOf(run({ losesRows: true }))).toEqual(["no row was lost: this detector proves nothing"]);
    expect(missesOf(run({ losesRows: true }, { lost: 500 }))).toEqual([]);
  });

  it("is shown by fault and path, median and worst", () => {
    const lines = renderPostgresFaults([run(), run({ backSeconds: 14.5 }, { longestGapMs: 500 })], "7").split(
      "\n",
    );
    const rows = lines.filter((line) => line.includes("partition"));
    expect(rows).toHaveLength(paths.length);
    expect(rows[0]?.split("│").map((cell) => cell.trim())).toEqual([
      ...[
        "",
        "partition",
        "one node's HAProxy",
        "2",
        "2000",
        "0",
        "0",
        "0.70 / 0.90",
        "13.50 / 14.50",
        "",
        "",
      ],
    ]);
    expect(lines.at(-1)).toBe("All 2 runs passed.");
  });
});
