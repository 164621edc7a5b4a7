/** Pure parts: what people see, paths, secrets in texts. */
import fc from "fast-check";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { createReporter, label, renderPlan, renderSummary } from "../../lab/engine/display.ts";
import { programError } from "../../lab/engine/errors.ts";
import type { Change, Result } from "../../lab/engine/events.ts";
import { expand, formatPath, getAt, parsePath, setAt } from "../../lab/engine/paths.ts";
import { Redactor } from "../../lab/engine/redact.ts";
import { makeUrn } from "../../lab/engine/urn.ts";
import { secret } from "../../lab/engine/wire.ts";
import { TYPE, urnOf } from "./support/world.ts";

const screen = { colour: false, width: 60 };

function change(properties: Change["properties"]): Change {
  return { operation: "update", urn: urnOf("a"), type: TYPE, name: "a", properties };
}

describe("the plan", () => {
  it("says so when there is nothing to do", () => {
    expect(renderPlan([{ ...change([]), operation: "same" }], screen)).toEqual(["Nothing to change."]);
  });

  it("shows old and new, additions and removals, cut to the width", () => {
    const properties = [
      { path: "labels.role", before: "a", after: "b" },
      { path: "ports", before: [1], after: [1, 2] },
      { path: "comment", after: "new" },
      { path: "old", before: true },
      { path: "long", before: "x".repeat(40), after: "y".repeat(40) },
    ];
    expect(renderPlan([change(properties)], screen)).toEqual([
      " ~ update  test:Thing a",
      "       labels.role: a → b",
      "       ports: [1] → [1,2]",
      "       comment: added new",
      "       old: removed, was true",
      `       long: ${"x".repeat(40)} → ${"y".repeat(3)}…`,
    ]);
  });

  it("shows the changed lines of a long text only, and not too many of them", () => {
    const script = (lines: readonly string[]): string => ["#!/bin/sh", ...lines, "exit 0"].join("\n");
    const one = change([{ path: "create", before: script(["a", "b"]), after: script(["a", "c"]) }]);
    expect(renderPlan([one], screen).slice(1)).toEqual(["       create:", "         - b", "         + c"]);
    const rows = Array.from({ length: 30 }, (_, at) => `row ${at}`);
    const many = change([{ path: "create", before: script([]), after: script(rows) }]);
    expect(renderPlan([many], screen).slice(-2)).toEqual([
      "         + row 11",
      "         … and 18 more lines",
    ]);
  });

  it("names types as people do", () => {
    expect(label({ type: "hcloud:index/server:Server", name: "n1" })).toBe("hcloud:Server n1");
    expect(label({ type: "command:remote:Command", name: "n1" })).toBe("command:remote:Command n1");
  });
});

it("the summary counts and says how it ended", () => {
  const counts = { create: 2, update: 0, replace: 1, delete: 0, same: 4 };
  const result: Result = {
    exitCode: 130,
    phase: "update",
    changes: [],
    counts,
    drift: [],
    errors: ["a broke"],
    seconds: 75,
  };
  expect(renderSummary(result, screen)).toEqual([
    "error: a broke",
    "Stopped after 1 min 15 s: 2 created, 1 replaced, 4 unchanged.",
  ]);
});

it.each([
  [59.44, "59.4 s"],
  [59.6, "1 min 0 s"],
  [119.7, "2 min 0 s"],
])("a run of %d s took %s", (seconds, text) => {
  const counts = { create: 0, update: 0, replace: 0, delete: 0, same: 0 };
  const result: Result = {
    exitCode: 0,
    phase: "update",
    changes: [],
    counts,
    drift: [],
    errors: [],
    seconds,
  };
  expect(renderSummary(result, { colour: false, width: 80 })).toEqual([`Done after ${text}.`]);
});

describe("progress", () => {
  beforeEach(() => void vi.useFakeTimers());
  afterEach(() => void vi.useRealTimers());
  const started = { kind: "started", step: 1, activity: "create", urn: urnOf("a") } as const;
  const finished = { ...started, kind: "finished", seconds: 7, failed: false } as const;

  it("without a terminal announces a step only when it takes long", () => {
    const lines: string[] = [];
    const report = createReporter({ write: (text) => lines.push(text) });
    report(started);
    vi.advanceTimersByTime(4999);
    expect(lines).toEqual([]);
    vi.advanceTimersByTime(1);
    report(finished);
    expect(lines).toEqual(["  creating a …\n", "  created test:Thing a (7.0 s)\n"]);
  });

  it("on a terminal keeps a status line of what is under way", () => {
    const writes: string[] = [];
    const report = createReporter({ write: (text) => writes.push(text), isTTY: true, columns: 40 });
    report(started);
    vi.advanceTimersByTime(2000);
    expect(writes.at(-1)).toContain("creating a 2 s");
    report(finished);
    expect(writes.at(-1)).not.toContain("creating");
    const count = writes.length;
    vi.advanceTimersByTime(5000);
    expect(writes).toHaveLength(count);
  });
});

describe("known secrets in texts", () => {
  const key = "-----BEGIN KEY-----\nMIIEvQIBADANBgkqhkiG9w0BAQEFAASCBKcwggSj\n-----END KEY-----\n";
  const redactor = new Redactor();
  redactor.learnSecrets({
    connection: secret({ host: "198.51.100.11", user: "gardenos", privateKey: key }),
    pin: secret(123456),
    json: secret('{"token":"tok-9931"}'),
    open: "nothing to hide",
  });

  it.each([
    ["whole", `got ${key}`],
    ["escaped", JSON.stringify({ key })],
    ["one line of many", "bad line MIIEvQIBADANBgkqhkiG9w0BAQEFAASCBKcwggSj"],
  ])("are hidden: %s", (_how, text) => {
    expect(redactor.clean(text)).not.toContain("MIIEvQIBADAN");
  });

  it("are hidden when they are numbers or inside JSON", () => {
    expect(redactor.clean("pin 123456, token tok-9931")).toBe("pin [secret], token [secret]");
  });

  it("leave addresses, ordinary words and everything else readable", () => {
    const text = "ssh gardenos@198.51.100.11: nothing to hide";
    expect(redactor.clean(text)).toBe(text);
  });
});

describe("property paths", () => {
  it("are read as Pulumi writes them", () => {
    expect(parsePath('spec.disks[0]["mount point"].*')).toEqual(["spec", "disks", "0", "mount point", "*"]);
  });

  it("survive being written and read again", () => {
    const part = fc.oneof(fc.stringMatching(/^[\w-]{1,8}$/), fc.stringMatching(/^[a-z .]{1,8}$/));
    fc.assert(
      fc.property(fc.array(part, { minLength: 1, maxLength: 5 }), (path) => {
        expect(parsePath(formatPath(path))).toEqual(path);
      }),
    );
  });

  it("read and write, also inside secrets and past wildcards", () => {
    const root = { a: secret({ b: [1, 2] }), c: { d: 1 } };
    expect(expand(["a", "b", "*"], [root])).toEqual([
      ["a", "b", "0"],
      ["a", "b", "1"],
    ]);
    expect(getAt(root, ["a", "b", "1"])).toBe(2);
    expect(setAt(root, ["a", "b", "1"], 3)).toEqual({ ...root, a: secret({ b: [1, 3] }) });
    expect(setAt(root, ["c", "d"], undefined)).toEqual({ ...root, c: {} });
    expect(setAt(root, ["c", "d", "e"], 1)).toEqual(root);
  });
});

it("URNs carry the types of the parents", () => {
  const stack = makeUrn({ stack: "lab", project: "p", type: "pulumi:pulumi:Stack", name: "p-lab" });
  const group = makeUrn({ stack: "lab", project: "p", parent: stack, type: "x:y:Group", name: "g" });
  const thing = makeUrn({ stack: "lab", project: "p", parent: group, type: TYPE, name: "t::u" });
  expect(thing).toBe("urn:pulumi:lab::p::x:y:Group$test:index/thing:Thing::t::u");
});

it("a program's error keeps its message, its cause and its place", () => {
  const text = [
    "ResourceError: no such node",
    "    at check (file:///srv/app/plan.ts:3:9)",
    "    at run (/srv/app/node_modules/x/index.js:1:1) {",
    "  resource: [Thing],",
    "  [cause]: Error: not in the table",
    "}",
  ].join("\n");
  expect(programError(text, "/srv/app")).toBe(
    "no such node\n  [cause]: Error: not in the table\n  (plan.ts:3:9)",
  );
});
