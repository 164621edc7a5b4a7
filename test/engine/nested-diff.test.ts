/** Comparison of large properties, such as the spec of a Kubernetes object. */
import { describe, expect, it } from "vitest";
import { describeChanges, driverDiff } from "../../lab/engine/diff.ts";
import type { Driver, Properties } from "../../lab/engine/driver.ts";
import { checkInputs } from "../../lab/engine/inputs.ts";
import { isSecret, secret, UNKNOWN } from "../../lab/engine/wire.ts";
import { Bench } from "./support/bench.ts";

/** What the driver was asked to compare with the record. */
function asked(
  news: Properties,
  more: Partial<Driver>,
): { readonly got: Properties; readonly changed: readonly string[] } {
  let got: Properties = {};
  const driver: Driver = {
    create: async () => ({ id: "", outputs: {} }),
    update: async () => ({}),
    diff: (_type, _old, known) => {
      got = known;
      return { changed: [], replace: [] };
    },
    ...more,
  };
  const inputs = { spec: { image: "a", list: [1, 2] } };
  const { changed } = driverDiff(driver, { type: "t", old: { inputs, outputs: {} }, news, provider: {} });
  return { got, changed };
}

describe("a property that is unknown in part", () => {
  const news = { spec: { image: UNKNOWN, list: [1, UNKNOWN], size: 3, token: UNKNOWN }, metadata: UNKNOWN };

  it("is left out of what drivers see", () => {
    expect(asked(news, {})).toEqual({ got: {}, changed: ["spec", "metadata"] });
  });

  it("is shown to drivers of large properties with what was recorded in its place", () => {
    const got = { spec: { image: "a", list: [1, 2], size: 3 } };
    expect(asked(news, { diffsPartly: true })).toEqual({ got, changed: ["spec", "metadata"] });
  });
});

describe("changes", () => {
  const containers = (...items: readonly Properties[]): Properties => ({
    spec: { containers: items, selector: { app: "a" } },
  });

  it("are told name by name in lists that have grown or shrunk", () => {
    const [one, two, init] = [{ name: "one", image: "a" }, { name: "two" }, { name: "init" }];
    expect(
      describeChanges(containers(one, two), containers(init, { ...one, image: "b" }, two), {
        keys: ["spec"],
      }),
    ).toEqual([
      { path: "spec.containers[0]", after: init },
      { path: "spec.containers[1].image", before: "a", after: "b" },
    ]);
    const args = (...list: readonly string[]) => ({ spec: { args: list } });
    expect(describeChanges(args("a"), args("a", "b"), { keys: ["spec"] })).toEqual([
      { path: "spec.args", before: ["a"], after: ["a", "b"] },
    ]);
  });

  it("say which of them forces the replacement", () => {
    const before = { spec: { replicas: 1, selector: { app: "a" } } };
    const after = { spec: { replicas: 2, selector: { app: "b" } } };
    expect(describeChanges(before, after, { keys: ["spec"], replace: ["spec.selector"] })).toEqual([
      { path: "spec.replicas", before: 1, after: 2 },
      { path: "spec.selector.app", before: "a", after: "b", forcesReplacement: true },
    ]);
  });
});

it("a driver's secret inputs are secret though the program does not say so", () => {
  const driver: Driver = { create: async () => ({ id: "", outputs: {} }), secretInputs: () => ["data"] };
  const { data, kind } = checkInputs(driver, "t", { data: { a: "b" }, kind: "Secret" });
  expect([isSecret(data), kind]).toEqual([true, "Secret"]);
  const marked = checkInputs(driver, "t", { data: secret({ a: "b" }) })["data"];
  expect(marked).toEqual(data);
});

it("a driver hears of its time limit, and its warnings are shown as such", async () => {
  const bench = new Bench();
  await bench.up([{ name: "base", options: { customTimeouts: { create: "90s" } } }]);
  const context = bench.cloud.contexts.get("create base");
  expect(context?.timeoutMs).toBe(90_000);
  context?.warn("careful");
  expect(bench.events.at(-1)).toEqual({ kind: "message", severity: "warning", text: "base: careful" });
});
