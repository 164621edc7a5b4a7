/** The whole engine with real programs in child processes. */
import { spawn } from "node:child_process";
import { existsSync, readdirSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import type { Driver } from "../../lab/engine/driver.ts";
import { CANARY, Stack } from "./support/stack.ts";
import type { Item } from "./support/world.ts";

const TIMEOUT_MS = 30_000;
let stack: Stack;
beforeEach(() => {
  stack = new Stack();
});
afterEach(() => stack.remove());

const world: readonly Item[] = [
  { name: "base", inputs: { size: 1, fixedPlace: "here" } },
  { name: "top", refs: { on: "base" }, secrets: { password: CANARY }, group: "group" },
];

function processesOf(marker: string): readonly string[] {
  return readdirSync("/proc").filter((pid) => {
    try {
      return /^\d+$/.test(pid) && readFileSync(`/proc/${pid}/environ`, "utf8").includes(marker);
    } catch {
      return false;
    }
  });
}

describe("a stack's life", () => {
  it(
    "creates, leaves alone, changes, replaces and destroys",
    async () => {
      const created = await stack.engine(world).up();
      expect(created).toMatchObject({ exitCode: 0, errors: [], counts: { create: 3, same: 0 } });
      expect(created.changes.map(({ urn }) => urn).sort()).toEqual([
        "urn:pulumi:lab::demo::demo:group:Group$test:index/thing:Thing::top",
        "urn:pulumi:lab::demo::demo:group:Group::group",
        "urn:pulumi:lab::demo::test:index/thing:Thing::base",
      ]);
      expect(stack.outputs()).toEqual({ names: ["base", "top"], password: "[secret]" });
      expect(stack.outputs({ showSecrets: true })).toMatchObject({ password: CANARY });

      stack.cloud.log.length = 0;
      expect(await stack.engine(world).up()).toMatchObject({ exitCode: 0, counts: { same: 3, create: 0 } });
      expect(stack.cloud.log.sort()).toEqual(["read base", "read top"]);

      stack.screen = "";
      const moved = [{ name: "base", inputs: { size: 2, fixedPlace: "there" } }, ...world.slice(1)];
      expect((await stack.engine(moved).up()).counts).toMatchObject({
        replace: 1,
        update: 1,
        delete: 0,
        same: 1,
      });
      expect(stack.screen.replace(/[\d.]+ s/g, "N s")).toBe(
        [
          "the program runs in lab",
          "+- replace test:Thing base",
          "       fixedPlace: here → there  (forces replacement)",
          "       size: 1 → 2",
          " ~ update  test:Thing top",
          "       on: base-1 → [computed]",
          "  created test:Thing base (N s)",
          "  updated test:Thing top (N s)",
          "  deleted test:Thing base (N s)",
          "Done after N s: 1 updated, 1 replaced, 1 unchanged.",
          "",
        ].join("\n"),
      );

      stack.cloud.things.delete("top-2");
      const refreshed = await stack.engine(world).refresh();
      expect(refreshed).toMatchObject({
        exitCode: 0,
        phase: "refresh",
        drift: [{ name: "top", gone: true }],
      });
      expect(stack.screen).toMatch(/! gone {4}test:Thing top\nDone after [\d.]+ s: 1 drifted\.\n$/);

      const destroyed = await stack.engine(world).destroy();
      expect(destroyed).toMatchObject({ exitCode: 0, counts: { delete: 2 } });
      expect(stack.cloud.things.size).toBe(0);
    },
    TIMEOUT_MS,
  );

  it(
    "a preview touches nothing, not even the state file",
    async () => {
      const result = await stack.engine(world).preview();
      expect(result).toMatchObject({ exitCode: 0, phase: "preview", counts: { create: 3 } });
      expect(stack.cloud.log).toEqual([]);
      expect(readdirSync(stack.dir)).toEqual([]);
      expect(stack.screen).toMatch(/Done after [\d.]+ s: 3 to create\.\n$/);
    },
    TIMEOUT_MS,
  );

  it(
    "gives each package the default provider that the real engine would, and its configuration to the driver",
    async () => {
      await stack.engine([{ name: "a" }]).up();
      const state: { resources: { urn: string; id?: string; inputs: unknown; provider?: string }[] } =
        JSON.parse(stack.stateText);
      const provider = state.resources.find(({ urn }) => urn.includes("pulumi:providers:"));
      expect(provider?.urn).toBe("urn:pulumi:lab::demo::pulumi:providers:test::default_1_2_3");
      expect(provider?.inputs).toEqual({ version: "1.2.3", region: "r1" });
      const thing = state.resources.find(({ urn }) => urn.endsWith("::a"));
      expect(thing?.provider).toBe(`${provider?.urn}::${provider?.id}`);
      expect(stack.cloud.contexts.get("create a")?.provider).toEqual({ version: "1.2.3", region: "r1" });
    },
    TIMEOUT_MS,
  );
});

describe("secrets", () => {
  it(
    "appear neither on screen nor in events, errors, files or arguments",
    async () => {
      stack.cloud.failures.set("update leaky", `the API said: wrong password ${CANARY}`);
      const items = (size: number): readonly Item[] => [
        { name: "leaky", inputs: { size }, secrets: { password: CANARY, nested: { list: [`x-${CANARY}`] } } },
        { name: "reader", tokens: { seen: "leaky" } },
      ];
      let argv = "";
      const create: Driver["create"] = (context, inputs) => {
        argv += processesOf(stack.dir).map((pid) => readFileSync(`/proc/${pid}/cmdline`, "utf8"));
        return stack.cloud.driver.create(context, inputs);
      };
      const watched = {
        drivers: { test: { ...stack.cloud.driver, create } },
        config: { "demo:marker": stack.dir },
      };
      await stack.engine(items(1), watched).up();
      expect(argv).toContain("--monitor");
      const failed = await stack.engine(items(2)).up();
      expect(failed.errors).toEqual([
        "leaky (test:index/thing:Thing): the API said: wrong password [secret]",
      ]);
      expect(failed.exitCode).toBe(1);
      for (const text of [
        stack.screen,
        JSON.stringify(stack.events),
        stack.stateText,
        argv,
        JSON.stringify(failed),
      ]) {
        expect(text).not.toContain("hunter2");
      }
      expect(statSync(stack.stateFile).mode & 0o777).toBe(0o600);
    },
    TIMEOUT_MS,
  );

  it(
    "need the right passphrase",
    async () => {
      await stack.engine([{ name: "a" }]).up();
      const result = await stack.engine([{ name: "a" }], { passphrase: "a wrong one" }).up();
      expect(result.errors).toEqual([
        `The passphrase does not open ${stack.stateFile}: it was written with another one.`,
      ]);
      expect(result.exitCode).toBe(1);
    },
    TIMEOUT_MS,
  );
});

describe("a driver's error", () => {
  it(
    "lets what runs finish, saves it, starts nothing else and names the resource",
    async () => {
      const slow = Promise.withResolvers<void>();
      stack.cloud.waits.set("create slow", slow.promise);
      stack.cloud.failures.set("create bad", "server type cx99 is not available in fsn1");
      const items: readonly Item[] = [
        { name: "slow" },
        { name: "bad" },
        { name: "next", refs: { on: "slow" } },
      ];
      const running = stack.engine(items).up();
      await expect.poll(() => stack.cloud.log, { timeout: TIMEOUT_MS }).toContain("create bad");
      slow.resolve();
      const result = await running;
      expect(result.errors).toEqual([
        "bad (test:index/thing:Thing): server type cx99 is not available in fsn1",
      ]);
      expect(result).toMatchObject({ exitCode: 1, counts: { create: 1 } });
      expect(stack.cloud.log).not.toContain("create next");
      expect(stack.stateText).toContain('"slow-1"');
      expect(stack.screen).toMatch(/error: bad .*\nFailed after [\d.]+ s: 1 created\.\n$/);
      expect(stack.screen).not.toMatch(/^\s+at /m);
    },
    TIMEOUT_MS,
  );
});

it(
  "a protected resource stops `up` and `destroy` before anything is deleted",
  async () => {
    const guarded = (name: string): Item => ({ name, options: { protect: true } });
    await stack.engine([guarded("a"), guarded("b"), { name: "c" }]).up();
    stack.cloud.log.length = 0;
    const up = await stack.engine([{ name: "d" }]).up();
    const destroy = await stack.engine([]).destroy();
    for (const { errors, exitCode, counts } of [up, destroy]) {
      expect(errors.map((text) => text.slice(0, 60))).toEqual([
        "a (test:index/thing:Thing) is protected and would be deleted",
        "b (test:index/thing:Thing) is protected and would be deleted",
      ]);
      expect(exitCode).toBe(1);
      expect(counts).toEqual({ create: 0, update: 0, replace: 0, delete: 0, same: 0 });
    }
    expect(stack.cloud.acts).toEqual([]);
  },
  TIMEOUT_MS,
);

describe("stopping", () => {
  it(
    "once: starts nothing new, lets what runs finish and saves it",
    async () => {
      const slow = Promise.withResolvers<void>();
      stack.cloud.waits.set("create slow", slow.promise);
      const engine = stack.engine([{ name: "slow" }, { name: "next", refs: { on: "slow" } }]);
      const running = engine.up();
      await expect.poll(() => stack.cloud.log, { timeout: TIMEOUT_MS }).toContain("create slow");
      engine.cancel();
      expect(stack.cloud.contexts.get("create slow")?.signal.aborted).toBe(false);
      slow.resolve();
      expect(await running).toMatchObject({ exitCode: 130, errors: [], counts: { create: 1 } });
      expect(stack.cloud.log).not.toContain("create next");
      expect(stack.stateText).toContain('"slow-1"');
    },
    TIMEOUT_MS,
  );

  it(
    "twice: ends at once and tells the drivers; no process stays",
    async () => {
      stack.cloud.waits.set("create slow", new Promise(() => undefined));
      const engine = stack.engine([{ name: "slow" }], { config: { "demo:marker": stack.dir } });
      const running = engine.up();
      await expect.poll(() => stack.cloud.log, { timeout: TIMEOUT_MS }).toContain("create slow");
      expect(processesOf(stack.dir)).toHaveLength(1);
      engine.cancel();
      engine.cancel();
      expect(await running).toMatchObject({ exitCode: 130, errors: [] });
      expect(stack.cloud.contexts.get("create slow")?.signal.aborted).toBe(true);
      await expect.poll(() => processesOf(stack.dir)).toEqual([]);
      expect(existsSync(join(stack.dir, "lab.lock"))).toBe(false);
    },
    TIMEOUT_MS,
  );
});

describe("a killed engine", () => {
  it(
    "takes its program with it, and the next run adopts what it was creating",
    async () => {
      const host = spawn(
        process.execPath,
        [join(import.meta.dirname, "programs/host.ts"), stack.stateFile, "secret1"],
        {
          stdio: "ignore",
          env: { ...process.env, ENGINE_TEST: stack.dir },
        },
      );
      await expect.poll(() => existsSync(`${stack.stateFile}.reached`), { timeout: TIMEOUT_MS }).toBe(true);
      const locked = await stack.engine([], { passphrase: "secret1" }).destroy();
      expect(locked.errors).toEqual([
        `Another run (pid ${host.pid}) is working on this stack; wait for it, or stop it first.`,
      ]);
      expect(processesOf(`ENGINE_TEST=${stack.dir}`)).toHaveLength(2);
      host.kill("SIGKILL");
      await expect.poll(() => processesOf(`ENGINE_TEST=${stack.dir}`), { timeout: TIMEOUT_MS }).toEqual([]);

      const items: readonly Item[] = [{ name: "first" }, { name: "slow", refs: { on: "first" } }];
      stack.cloud.things.set("first-1", { name: "first", checked: true, token: "token of first-1" });
      stack.cloud.things.set("slow-7", { name: "slow", checked: true, on: "first-1" });
      const result = await stack.engine(items, { passphrase: "secret1" }).up();
      expect(result).toMatchObject({ exitCode: 0, errors: [], counts: { same: 2, create: 0 } });
      expect(stack.cloud.acts).toEqual([]);
      expect(stack.screen).toContain(
        "slow (test:index/thing:Thing): found what an interrupted run has created (id slow-7).",
      );
    },
    TIMEOUT_MS,
  );
});

it("a lock whose holder is dead, or whose pid is another process now, is taken over", async () => {
  const lock = join(stack.dir, "lab.lock");
  for (const content of [
    '{"pid":4194304,"started":"1"}',
    `{"pid":${process.pid},"started":"1"}`,
    "half a lo",
  ]) {
    writeFileSync(lock, content);
    expect(await stack.engine([]).destroy()).toMatchObject({ exitCode: 0, errors: [] });
    expect(existsSync(lock)).toBe(false);
  }
});

it("a damaged state file is named", async () => {
  writeFileSync(stack.stateFile, "{");
  const { errors } = await stack.engine([]).destroy();
  expect(errors[0]).toMatch(/^The state file .*lab\.json cannot be read: /);
});
