import { describe, expect, it } from "vitest";
import { parsePgbench } from "../../bench/pgbench.ts";
import { parseSample, ratios, renderSpread } from "../../bench/samples.ts";

describe("a benchmark's sample", () => {
  it("has a rate, and the times of its calls", () => {
    const times = Array.from({ length: 200 }, (_, i) => `${(i + 1) / 1000}`);
    expect(parseSample(`${times.join("\n")}\nwall 4.0\n`)).toEqual({
      perSecond: 50,
      medianMs: expect.closeTo(100.5),
      p99Ms: expect.closeTo(198),
    });
  });

  it.each(["", "wall 1.0", "0.001\n0.002", "0.001\ncurl: (7) failed\nwall 1.0"])("is not %j", (text) => {
    expect(() => parseSample(text)).toThrow("wanted a time per call and the wall time");
  });
});

it("ratios are taken turn by turn: unrest that both ways had cancels out", () => {
  expect(renderSpread(ratios([100, 10, 50], [90, 9, 40]), 2)).toBe("0.90 (0.80–0.90)");
});

describe("pgbench's report", () => {
  const report = [
    "pgbench (17.12)",
    "transaction type: <builtin: select only>",
    "number of transactions actually processed: 4321",
    "number of failed transactions: 0 (0.000%)",
    "latency average = 7.412 ms",
    "initial connection time = 61.001 ms",
    "tps = 1079.321405 (without initial connection time)",
  ].join("\n");

  it("has a rate and a mean time", () => {
    expect(parsePgbench(report)).toEqual({ perSecond: 1079.321405, latencyMs: 7.412 });
  });

  it.each([
    ["transactions failed", report.replace("failed transactions: 0", "failed transactions: 2")],
    ["it was cut off", report.slice(0, 150)],
  ])("is refused when %s", (_, text) => {
    expect(() => parsePgbench(text)).toThrow("wanted pgbench's rate");
  });
});
