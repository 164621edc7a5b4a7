/** Which nodes faults hit, and how a run is judged. */
import { describe, expect, it } from "vitest";
import { type FaultRun, missesOf, renderFaults, renderRun } from "../../lab/faults/report.ts";
import { choose } from "../../lab/faults/runner.ts";
import { chances } from "../../lib/chance.ts";

const nodes = ["n1", "n2", "n3"].map((name) => ({
  name,
  publicIp: "",
  privateIp: "",
  state: "running",
  reachable: true,
}));

const seen = (longestGapMs: number) => ({
  ...{ calls: 100, errors: 2, medianMs: 3, longestGapMs, gaps: [], reasons: {} },
});

function run(changes: Partial<FaultRun> = {}): FaultRun {
  return {
    fault: "power-off",
    victims: ["n2"],
    witness: "n1",
    leaderHit: false,
    apiSurvives: true,
    backSeconds: 31.5,
    seen: { loadBalancer: seen(6000), node: seen(1500), dns: seen(1000) },
    ...changes,
  };
}

describe("the choice of nodes", () => {
  const draws = (seed: string, victims: number) => {
    const chance = chances(seed);
    return Array.from({ length: 40 }, () => choose({ victims }, { nodes }, chance));
  };

  it("is the same for the same seed", () => {
    expect(draws("7", 1)).toEqual(draws("7", 1));
    expect(draws("7", 1)).not.toEqual(draws("8", 1));
  });

  it("gets round to every node, and leaves the witness alone", () => {
    const all = draws("7", 1);
    expect(new Set(all.flatMap(({ victims }) => victims))).toEqual(new Set(["n1", "n2", "n3"]));
    expect(new Set(all.map(({ witness }) => witness))).toEqual(new Set(["n1", "n2", "n3"]));
    for (const { victims, witness } of [...all, ...draws("7", 2)]) expect(victims).not.toContain(witness);
  });

  it("takes two different nodes for a lost quorum", () => {
    for (const { victims } of draws("7", 2)) expect(new Set(victims).size).toBe(2);
  });
});

describe("the verdict", () => {
  it("is good within the limits, at them, too", () => {
    expect(missesOf(run())).toEqual([]);
    expect(
      missesOf(run({ seen: { loadBalancer: seen(10_000), node: seen(3000), dns: seen(5000) } })),
    ).toEqual([]);
  });

  it("names each client that waited too long", () => {
    const late = { loadBalancer: seen(10_010), node: seen(3010), dns: seen(5010) };
    expect(missesOf(run({ seen: late }))).toEqual([
      "load balancer 10.01 s, wanted at most 10 s",
      "surviving node 3.01 s, wanted at most 3 s",
      "all addresses 5.01 s, wanted at most 5 s",
    ]);
  });

  it("gives a surviving node more time when etcd's leader died", () => {
    const late = { node: seen(4900) };
    expect(missesOf(run({ seen: late }))).toHaveLength(1);
    expect(missesOf(run({ seen: late, leaderHit: true }))).toEqual([]);
  });

  it("of a lost quorum is only whether the API and the cluster come back", () => {
    const lost = { apiSurvives: false, seen: { node: seen(40_000) } };
    expect(missesOf(run({ ...lost, apiBackSeconds: 4 }))).toEqual([]);
    expect(missesOf(run({ ...lost, apiBackSeconds: null, backSeconds: null }))).toEqual([
      "the API did not come back",
      "the cluster did not recover",
    ]);
  });
});

describe("what is shown", () => {
  it("of one run is a line", () => {
    expect(renderRun(run({ leaderHit: true }))).toBe(
      "power-off n2 (etcd's leader): gaps load balancer 6.00 s, surviving node 1.50 s, all addresses 1.00 s; " +
        "back after 31.5 s",
    );
    expect(renderRun(run({ backSeconds: null }))).toContain("NOT BACK: MISSED: the cluster did not recover");
  });

  it("of all runs is a row a fault, median and worst", () => {
    const runs = [
      run(),
      run({ seen: { loadBalancer: seen(8000), node: seen(3500), dns: seen(2000) }, leaderHit: true }),
      run({ fault: "kill-k3s", seen: { node: seen(3500) }, backSeconds: null }),
    ];
    const lines = renderFaults(runs, "7").split("\n");
    const cells = (name: string) =>
      lines
        .find((line) => line.includes(name))
        ?.split("│")
        .map((cell) => cell.trim());
    expect(cells("power-off")).toEqual([
      ...["", "power-off", "2", "1", "7.00 / 8.00", "2.50 / 3.50", "1.50 / 2.00", "31.50 / 31.50", "", ""],
    ]);
    expect(cells("kill-k3s")).toEqual([
      ...["", "kill-k3s", "1", "0", "–", "3.50 / 3.50", "–", "never / never", "MISSED", ""],
    ]);
    expect(lines.at(-1)).toBe("1 of 3 runs missed.");
    expect(lines.at(-2)).toContain("Seed 7.");
  });
});
