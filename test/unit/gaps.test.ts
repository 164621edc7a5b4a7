import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { type Call, median, summarize } from "../../ops/gaps.ts";

const INTERVAL = 100;

/** Calls of 10 ms that ended at these times. */
const answeredAt = (...times: readonly number[]): Call[] =>
  times.map((ended) => ({ began: ended - 10, ended }));

const summary = (calls: readonly Call[], until: number, from?: number) =>
  summarize(calls, { intervalMs: INTERVAL, until, ...(from !== undefined && { from }) });

describe("a measurement", () => {
  it("has no gap while every call is answered in time", () => {
    expect(summary(answeredAt(110, 210, 310), 350)).toEqual({
      calls: 3,
      errors: 0,
      medianMs: 10,
      longestGapMs: 0,
      gaps: [],
      reasons: {},
    });
  });

  it("counts a gap from answer to answer, without the client's own pause, whatever failed in between", () => {
    const failed = { began: 200, ended: 1200, error: "ECONNREFUSED" };
    expect(summary([...answeredAt(110), failed, ...answeredAt(2110, 2210)], 2220)).toMatchObject({
      calls: 4,
      errors: 1,
      longestGapMs: 1900,
      gaps: [{ ended: 2110, ms: 1900 }],
      reasons: { ECONNREFUSED: 1 },
    });
  });

  it("knows a gap that has not ended", () => {
    expect(summary(answeredAt(110), 5110).longestGapMs).toBe(4900);
  });

  it("gives a gap to the part that it ended in, and to an earlier one as far as it went", () => {
    const calls = answeredAt(110, 3110, 3210);
    expect(summary(calls, 1110).longestGapMs).toBe(900);
    expect(summary(calls, 3300, 1110)).toMatchObject({ calls: 2, longestGapMs: 2900 });
    expect(summary(calls, 3300, 3150).longestGapMs).toBe(0);
  });

  it("of nothing is empty", () => {
    expect(summary([], 1000)).toMatchObject({ calls: 0, errors: 0, medianMs: 0, longestGapMs: 0 });
  });

  it("has a longest gap that no other is longer than, and that is not longer than the whole", () => {
    const pauses = fc.array(fc.integer({ min: 1, max: 5000 }), { minLength: 1, maxLength: 30 });
    fc.assert(
      fc.property(pauses, (steps) => {
        const times = steps.map((_, i) => steps.slice(0, i + 1).reduce((sum, step) => sum + step, 0));
        const end = times.at(-1) ?? 0;
        const { longestGapMs, gaps } = summary(answeredAt(...times), end);
        expect(gaps.every(({ ms }) => ms <= longestGapMs)).toBe(true);
        expect(longestGapMs).toBeLessThanOrEqual(end);
        expect(longestGapMs).toBe(Math.max(0, ...steps.slice(1).map((step) => step - INTERVAL)));
      }),
    );
  });
});

it("the median is the middle one, or the mean of the middle two", () => {
  expect([median([]), median([3]), median([9, 1, 5]), median([4, 1, 3, 2])]).toEqual([0, 3, 5, 2.5]);
});
