/** Which engine a lab gets, and what the Pulumi CLI's events say of a run. */
import { chmodSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { EngineEvent } from "@pulumi/pulumi/automation/index.js";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { labContext } from "../../lab/context.ts";
import { pickEngine } from "../../lab/engine-choice.ts";
import { saveChoices } from "../../lab/files.ts";
import { resultOf } from "../../lab/pulumi-events.ts";

describe("the choice of engine", () => {
  let dir: string;
  const ctx = () => labContext(dir, dir);

  beforeEach(() => {
    dir = mkdtempSync(join(tmpdir(), "choice-"));
    mkdirSync(ctx().dir);
    vi.stubEnv("PATH", dir);
  });
  afterEach(() => {
    vi.unstubAllEnvs();
    rmSync(dir, { recursive: true });
  });

  function installCli(): void {
    writeFileSync(join(dir, "pulumi"), "#!/bin/sh\n");
    chmodSync(join(dir, "pulumi"), 0o755);
  }

  it("is the CLI for a new lab where there is one, else the built-in one", () => {
    expect(pickEngine({ ctx: ctx() }, "auto")).toBe("builtin");
    installCli();
    expect(pickEngine({ ctx: ctx() }, "auto")).toBe("pulumi");
    expect(pickEngine({ ctx: ctx() }, "builtin")).toBe("builtin");
  });

  it("stays with what made the lab", () => {
    installCli();
    saveChoices(ctx(), { engine: "builtin" });
    expect(pickEngine({ ctx: ctx() }, "auto")).toBe("builtin");
    expect(() => pickEngine({ ctx: ctx() }, "pulumi")).toThrow(
      "this lab was made with --engine builtin, and its state can't change hands.\n" +
        "Use that engine, or start afresh: npm run -s lab -- reset",
    );
  });

  it("needs the CLI that it names", () => {
    expect(() => pickEngine({ ctx: ctx() }, "pulumi")).toThrow(
      "--engine pulumi: there is no `pulumi` on the PATH. Install it, or use --engine builtin.",
    );
    saveChoices(ctx(), { engine: "pulumi" });
    expect(() => pickEngine({ ctx: ctx() }, "auto")).toThrow(
      "--engine pulumi: there is no `pulumi` on the PATH. Install it, or start afresh: npm run -s lab -- reset.",
    );
  });
});

describe("the result of a run of the CLI", () => {
  const urn = (type: string, name: string) => `urn:pulumi:lab::gardenos::${type}::${name}`;
  const state = { inputs: {}, outputs: {}, id: "1", parent: "", provider: "" };
  const step = (op: string, type: string, name: string, more: object = {}): EngineEvent => {
    const metadata = { op, type, urn: urn(type, name), provider: "", new: { ...state, type }, ...more };
    return { sequence: 0, timestamp: 0, resOutputsEvent: { metadata } } as unknown as EngineEvent;
  };
  const diagnostic = (severity: string, message: string): EngineEvent =>
    ({ sequence: 0, timestamp: 0, diagnosticEvent: { severity, message, color: "raw" } }) as EngineEvent;

  it("counts each resource once, without the stack and default providers", () => {
    const events = [
      step("create", "pulumi:pulumi:Stack", "gardenos-lab"),
      step("create", "pulumi:providers:tls", "default_5_6_1"),
      step("create", "gardenos:infra:Hosts", "hosts"),
      step("create", "gardenos:infra:Hosts", "hosts"),
      step("create-replacement", "a:b:C", "c"),
      step("replace", "a:b:C", "c", { diffs: ["triggers"] }),
      step("delete-replaced", "a:b:C", "c"),
      step("same", "a:b:C", "d"),
    ];
    const { counts, changes } = resultOf("up", events, 0);
    expect(counts).toEqual({ create: 1, update: 0, replace: 1, delete: 0, same: 1 });
    expect(changes[1]).toEqual({
      operation: "replace",
      urn: urn("a:b:C", "c"),
      type: "a:b:C",
      name: "c",
      properties: [{ path: "triggers" }],
    });
  });

  it("says what a refresh has found, and what is gone", () => {
    const events = [
      step("refresh", "a:b:C", "same"),
      step("refresh", "a:b:C", "other", { diffs: ["labels"] }),
      step("refresh", "a:b:C", "gone", { new: undefined }),
    ];
    expect(resultOf("up", events, 0).drift).toEqual([
      {
        urn: urn("a:b:C", "other"),
        type: "a:b:C",
        name: "other",
        gone: false,
        properties: [{ path: "labels" }],
      },
      { urn: urn("a:b:C", "gone"), type: "a:b:C", name: "gone", gone: true, properties: [] },
    ]);
  });

  it("has each error once, without marks of colour", () => {
    const message = "<{%reset%}>name is already used<{%reset%}>\n";
    const events = [
      diagnostic("info", "reading"),
      diagnostic("error", message),
      diagnostic("error", message),
    ];
    expect(resultOf("preview", events, 1)).toMatchObject({
      exitCode: 1,
      phase: "preview",
      errors: ["name is already used"],
    });
  });
});
