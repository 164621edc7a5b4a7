import { beforeEach, describe, expect, it } from "vitest";
import type { ResourceRecord } from "../../lab/engine/state.ts";
import { isSecret } from "../../lab/engine/wire.ts";
import { Bench } from "./support/bench.ts";
import { type Item, urnOf } from "./support/world.ts";

let bench: Bench;
beforeEach(() => {
  bench = new Bench();
});

const base: Item = { name: "base", inputs: { size: 1, fixedPlace: "here" } };
const changedBase: Item = { name: "base", inputs: { size: 1, fixedPlace: "there" } };

describe("one resource", () => {
  it("is created, left alone, updated and deleted", async () => {
    expect((await bench.up([base])).changes).toEqual(["create base"]);
    expect((await bench.up([base])).changes).toEqual([]);
    expect(bench.cloud.log).toEqual([]);
    const { changes, deployment } = await bench.up([
      { name: "base", inputs: { size: 2, fixedPlace: "here" } },
    ]);
    expect(changes).toEqual(["update base"]);
    expect(deployment.changes[0]?.properties).toEqual([{ path: "size", before: 1, after: 2 }]);
    expect((await bench.up([])).changes).toEqual(["delete base"]);
    expect(bench.cloud.things.size).toBe(0);
    expect(bench.state.resources.size).toBe(0);
  });

  it("keeps its old inputs when an update fails, so that the update is tried again", async () => {
    await bench.up([base]);
    const bigger = [{ name: "base", inputs: { size: 2, fixedPlace: "here" } }];
    bench.cloud.failures.set("update base", "no room");
    expect((await bench.up(bigger)).errors).toEqual(["base (test:index/thing:Thing): no room"]);
    expect(bench.state.resources.get(urnOf("base"))?.inputs["size"]).toBe(1);
    bench.cloud.failures.clear();
    expect((await bench.up(bigger)).changes).toEqual(["update base"]);
  });

  it("is not registered twice", async () => {
    const { errors } = await bench.preview([base, base]);
    expect(errors).toEqual([
      `base (test:index/thing:Thing): two resources have this type, parent and name (${urnOf("base")}); rename one of them`,
    ]);
  });

  it("is refused with the driver's reason when an input is wrong", async () => {
    const { errors } = await bench.preview([{ name: "base", inputs: { size: -1 } }]);
    expect(errors).toEqual(["base (test:index/thing:Thing): wrong input:\n  size: got -1, want 0 or more"]);
  });

  it("keeps its identity under an alias, also in what refers to it", async () => {
    await bench.up([base, { name: "top", refs: { on: "base" } }]);
    const renamed: Item = { ...base, name: "ground", options: { aliases: ["base"] } };
    expect((await bench.up([renamed, { name: "top", refs: { on: "ground" } }])).changes).toEqual([]);
    expect(bench.state.resources.has(urnOf("base"))).toBe(false);
    expect(bench.state.resources.get(urnOf("top"))?.dependencies).toEqual([urnOf("ground")]);
  });
});

describe("replacement", () => {
  it("creates the new one first and deletes the old one at the end", async () => {
    await bench.up([base, { name: "top", refs: { on: "base" } }]);
    const { changes, deployment } = await bench.up([changedBase, { name: "top", refs: { on: "base" } }]);
    expect(changes).toEqual(["replace base", "update top"]);
    expect(bench.cloud.acts).toEqual(["create base", "update top", "delete base"]);
    expect(deployment.changes[0]?.properties).toEqual([
      { path: "fixedPlace", before: "here", after: "there", forcesReplacement: true },
    ]);
    expect(bench.state.condemned).toEqual([]);
  });

  it("with deleteBeforeReplace takes dependents along that the new one would replace, and no others", async () => {
    const options = { deleteBeforeReplace: true };
    const world = (place: string): readonly Item[] => [
      { name: "base", inputs: { fixedPlace: place }, options },
      { name: "bound", refs: { fixedOn: "base" } },
      { name: "bound-twice", refs: { fixedOn: "bound" } },
      { name: "loose", refs: { on: "base" } },
      { name: "later", options: { dependsOn: ["base"] } },
    ];
    await bench.up(world("here"));
    const planned = await bench.preview(world("there"));
    const { changes } = await bench.up(world("there"));
    expect(changes).toEqual(["replace base", "replace bound", "replace bound-twice", "update loose"]);
    expect(planned.changes).toEqual(changes);
    expect(bench.cloud.acts).toEqual([
      "delete bound-twice",
      "delete bound",
      "delete base",
      "create base",
      "create bound",
      "create bound-twice",
      "update loose",
    ]);
  });

  it("lets the driver ask for deletion first, and the program overrule it", async () => {
    bench.cloud.deleteBeforeReplace = true;
    await bench.up([base]);
    await bench.up([changedBase]);
    expect(bench.cloud.acts).toEqual(["delete base", "create base"]);
    await bench.up([{ ...base, options: { deleteBeforeReplace: false } }]);
    expect(bench.cloud.acts).toEqual(["create base", "delete base"]);
  });

  it("deletes a cascaded dependent for good that the program no longer has", async () => {
    const options = { deleteBeforeReplace: true };
    await bench.up([
      { ...base, options },
      { name: "bound", refs: { fixedOn: "base" } },
    ]);
    const { changes } = await bench.up([{ ...changedBase, options }]);
    expect(changes).toEqual(["replace base", "delete bound"]);
  });

  it("deletes the old one in the next run when this one failed before that", async () => {
    await bench.up([base]);
    bench.cloud.failures.set("create other", "no room");
    await bench.up([changedBase, { name: "other" }]);
    expect(bench.cloud.acts).toEqual(["create base", "create other"]);
    expect(bench.state.condemned.map(({ id }) => id)).toEqual(["base-1"]);
    bench.cloud.failures.clear();
    const { deployment } = await bench.up([changedBase, { name: "other" }]);
    expect(bench.cloud.acts).toEqual(["create other", "delete base"]);
    expect(deployment.changes.at(-1)).toMatchObject({
      operation: "delete",
      name: "base",
      note: "left by an interrupted replacement",
    });
    expect([...bench.cloud.things.keys()]).toEqual(["base-2", "other-3"]);
  });
});

describe("paths", () => {
  const nested = (disk: number, tags: readonly string[]): Record<string, unknown> => ({
    spec: { disk, cpu: 2 },
    tags,
  });

  it("ignoreChanges keeps the recorded value at a path, and lets the rest change", async () => {
    const options = { ignoreChanges: ["spec.disk", "tags[1]"] };
    await bench.up([{ name: "a", inputs: nested(1, ["x", "y"]), options }]);
    expect((await bench.up([{ name: "a", inputs: nested(9, ["x", "z"]), options }])).changes).toEqual([]);
    const { deployment } = await bench.up([{ name: "a", inputs: nested(9, ["w", "z"]), options }]);
    expect(deployment.changes[0]?.properties).toEqual([{ path: "tags[0]", before: "x", after: "w" }]);
    expect(bench.state.resources.get(urnOf("a"))?.inputs).toMatchObject(nested(1, ["w", "y"]));
  });

  it("ignoreChanges does not hold back a replacement: the new one takes today's values", async () => {
    const options = { ignoreChanges: ["spec"], replaceOnChanges: ["tags"] };
    await bench.up([{ name: "a", inputs: nested(1, ["x"]), options }]);
    expect((await bench.up([{ name: "a", inputs: nested(9, ["y"]), options }])).changes).toEqual([
      "replace a",
    ]);
    expect(bench.state.resources.get(urnOf("a"))?.inputs).toMatchObject(nested(9, ["y"]));
  });

  it("replaceOnChanges replaces for a change at its path only", async () => {
    const options = { replaceOnChanges: ["tags[*]"] };
    await bench.up([{ name: "a", inputs: nested(1, ["x"]), options }]);
    expect((await bench.up([{ name: "a", inputs: nested(2, ["x"]), options }])).changes).toEqual([
      "update a",
    ]);
    expect((await bench.up([{ name: "a", inputs: nested(2, ["y"]), options }])).changes).toEqual([
      "replace a",
    ]);
  });
});

describe("protection", () => {
  const guarded: Item = { ...base, options: { protect: true } };

  it("refuses deletion and replacement, all named at once and before anything is deleted", async () => {
    await bench.up([guarded, { ...guarded, name: "second" }, { name: "free" }]);
    const planned = await bench.preview([{ ...changedBase, options: { protect: true } }]);
    expect(planned.deployment.refusals).toEqual([
      "base (test:index/thing:Thing) is protected and would be replaced, because fixedPlace can't be changed in place. " +
        "Take `protect` out of the program and run `up` first, if that is really wanted.",
      "second (test:index/thing:Thing) is protected and would be deleted. " +
        "Take `protect` out of the program and run `up` first, if that is really wanted.",
    ]);
    expect((await bench.up([])).errors).toHaveLength(2);
    expect(bench.cloud.acts).toEqual([]);
    expect(bench.cloud.things.size).toBe(3);
  });

  it("also holds for a dependent that a replacement would take along", async () => {
    const options = { deleteBeforeReplace: true };
    const bound: Item = { name: "bound", refs: { fixedOn: "base" }, options: { protect: true } };
    await bench.up([{ ...base, options }, bound]);
    const { errors } = await bench.up([{ ...changedBase, options }, bound]);
    expect(errors[0]).toMatch(
      /^bound \(.*\) is protected and would be replaced, because base is deleted first\./,
    );
    expect(bench.cloud.acts).toEqual([]);
  });
});

describe("deletion", () => {
  it("takes dependents first", async () => {
    await bench.up([
      base,
      { name: "mid", refs: { on: "base" } },
      { name: "top", options: { dependsOn: ["mid"] } },
    ]);
    await bench.up([]);
    expect(bench.cloud.acts).toEqual(["delete top", "delete mid", "delete base"]);
  });

  it("stops at the first failure and goes on from there in the next run", async () => {
    await bench.up([base, { name: "mid", refs: { on: "base" } }, { name: "top", refs: { on: "mid" } }]);
    bench.cloud.failures.set("delete mid", "still in use");
    const { changes, errors } = await bench.up([]);
    expect(changes).toEqual(["delete top"]);
    expect(errors).toEqual(["mid (test:index/thing:Thing): still in use"]);
    bench.cloud.failures.clear();
    expect((await bench.up([])).changes).toEqual(["delete base", "delete mid"]);
  });

  it("never happens after an error", async () => {
    await bench.up([base]);
    bench.cloud.failures.set("create other", "no room");
    await bench.up([{ name: "other" }]);
    expect(bench.cloud.acts).toEqual(["create other"]);
  });

  it("leaves alone what is retained, and what dies with another resource", async () => {
    await bench.up([
      base,
      { name: "kept", options: { retainOnDelete: true } },
      { name: "part", options: { deletedWith: "base" } },
    ]);
    const { deployment } = await bench.up([]);
    expect(bench.cloud.acts).toEqual(["delete base"]);
    expect(bench.state.resources.size).toBe(0);
    expect(deployment.changes.find(({ name }) => name === "kept")?.note).toBe(
      "only its record: retainOnDelete",
    );
  });
});

describe("secrets", () => {
  it("are marked on outputs by the inputs, the program's options and the driver", async () => {
    const options = { additionalSecretOutputs: ["token"] };
    await bench.up([
      { name: "a", inputs: { key: "k", open: 1 }, secrets: { password: "hunter2-Canary" }, options },
    ]);
    const { inputs = {}, outputs = {} }: Partial<ResourceRecord> =
      bench.state.resources.get(urnOf("a")) ?? {};
    const marked = Object.keys(outputs).filter((key) => isSecret(outputs[key]));
    expect(marked.sort()).toEqual(["key", "password", "token"]);
    expect(Object.keys(inputs).filter((key) => isSecret(inputs[key]))).toEqual(["password"]);
    const { deployment } = await bench.up([
      { name: "a", inputs: { key: "k", open: 1 }, secrets: { password: "other" } },
    ]);
    expect(deployment.changes[0]?.properties).toEqual([
      { path: "password", before: "[secret]", after: "[secret]" },
    ]);
  });
});

describe("refresh", () => {
  it("drops what is gone, protected or not, and creates it again", async () => {
    await bench.up([{ ...base, options: { protect: true } }]);
    bench.cloud.things.clear();
    expect(await bench.refresh()).toEqual([
      { urn: urnOf("base"), type: "test:index/thing:Thing", name: "base", gone: true, properties: [] },
    ]);
    expect((await bench.up([{ ...base, options: { protect: true } }])).changes).toEqual(["create base"]);
  });

  it("shows what has changed, and uses it", async () => {
    await bench.up([{ name: "a", inputs: { size: 1 }, secrets: { password: "hunter2-Canary" } }]);
    bench.cloud.things.set("a-1", {
      ...bench.cloud.things.get("a-1"),
      token: "new",
      password: "stolen-Canary",
    });
    const [drift] = await bench.refresh();
    expect(drift?.properties).toEqual([
      { path: "password", before: "[secret]", after: "[secret]" },
      { path: "token", before: "token of a-1", after: "new" },
    ]);
    expect(bench.state.resources.get(urnOf("a"))?.outputs["token"]).toBe("new");
    expect(await bench.refresh()).toEqual([]);
  });
});

describe("an interrupted create", () => {
  it("is adopted when the driver finds it", async () => {
    bench.cloud.failures.set("create a", "the line is dead");
    await bench.up([{ name: "a" }]);
    expect([...bench.state.pending.keys()]).toEqual([urnOf("a")]);
    bench.cloud.things.set("a-77", { name: "a" });
    bench.cloud.failures.clear();
    await bench.refresh();
    expect(bench.state.resources.get(urnOf("a"))?.id).toBe("a-77");
    expect(bench.state.pending.size).toBe(0);
    expect((await bench.up([{ name: "a" }])).changes).toEqual([]);
  });

  it("is done again when there is nothing to find", async () => {
    bench.cloud.failures.set("create a", "the line is dead");
    await bench.up([{ name: "a" }]);
    bench.cloud.failures.clear();
    await bench.refresh();
    expect(bench.state.pending.size).toBe(0);
    expect((await bench.up([{ name: "a" }])).changes).toEqual(["create a"]);
  });

  it("of a replacement is not taken for the old one", async () => {
    await bench.up([base]);
    bench.cloud.failures.set("create base", "the line is dead");
    await bench.up([changedBase]);
    bench.cloud.failures.clear();
    await bench.refresh();
    expect((await bench.up([changedBase])).changes).toEqual(["replace base"]);
    expect([...bench.cloud.things.keys()]).toEqual(["base-2"]);
  });
});

it("a preview shows unknown values and touches nothing", async () => {
  const top: Item = { name: "top", inputs: { size: 1 }, refs: { on: "base" } };
  await bench.up([base, top]);
  const before = new Map(bench.state.resources);
  bench.cloud.log.length = 0;
  const { changes, deployment } = await bench.preview([
    changedBase,
    top,
    { name: "extra", refs: { on: "base" } },
  ]);
  expect(changes).toEqual(["replace base", "update top", "create extra"]);
  expect(deployment.changes[1]?.properties).toEqual([{ path: "on", before: "base-1", after: "[computed]" }]);
  expect(bench.cloud.log).toEqual([]);
  expect(bench.state.resources).toEqual(before);
});

it("customTimeouts end the driver's signal", async () => {
  await bench.up([{ name: "a", options: { customTimeouts: { create: "1ms" } } }]);
  await expect.poll(() => bench.cloud.contexts.get("create a")?.signal.aborted).toBe(true);
  const { errors } = await bench.up([{ name: "b", options: { customTimeouts: { create: "soon" } } }]);
  expect(errors).toEqual([
    'b (test:index/thing:Thing): customTimeouts: got "soon", want a duration such as "10m" or "1h30m"',
  ]);
});
