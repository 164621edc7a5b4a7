import { describe, expect, it } from "vitest";
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
