import { type ChildProcess, execFileSync, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { type CacheEntry, cached, defaultCacheDir, recipeKey } from "../../lab/artifacts/cache.ts";
import { run } from "../../lab/artifacts/command.ts";

const BUILD_ENTRY = join(import.meta.dirname, "support/build-entry.ts");
const isRoot = process.getuid?.() === 0;
const unlessRoot = isRoot ? "" : " (skipped: needs root)";

let dir: string;
let progress: string[];
let children: ChildProcess[];

beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), "artifacts-cache-"));
  progress = [];
  children = [];
});

afterEach(() => {
  for (const child of children) child.kill("SIGKILL");
  rmSync(dir, { recursive: true, force: true });
});

function entry(build: CacheEntry["build"]): CacheEntry {
  const onProgress = (line: string) => progress.push(line);
  return { cacheDir: join(dir, "cache"), name: "thing", key: "k1", describe: "building", onProgress, build };
}

/** Starts a process that builds the entry; `line` waits for a line of its output. */
function buildElsewhere() {
  const args = [BUILD_ENTRY, join(dir, "cache"), join(dir, "gate")];
  const child = spawn(process.execPath, args, { stdio: ["ignore", "pipe", "inherit"] });
  children.push(child);
  const seen: string[] = [];
  const waiting = new Map<string, () => void>();
  const exited = once(child, "exit");
  createInterface({ input: child.stdout }).on("line", (line) => {
    seen.push(line);
    for (const [text, resolve] of waiting) if (line.includes(text)) resolve();
  });
  const line = (text: string) =>
    new Promise<void>((resolve) => {
      if (seen.some((one) => one.includes(text))) resolve();
      else waiting.set(text, resolve);
    });
  return { child, line, exited };
}

describe("the cache folder", () => {
  it.each([
    [{ GARDENOS_CACHE: "/a", XDG_CACHE_HOME: "/b" }, "/a"],
    [{ XDG_CACHE_HOME: "/b" }, "/b/gardenos"],
  ])("follows %j", (env, want) => {
    expect(defaultCacheDir(env)).toBe(want);
  });
});

describe("recipeKey", () => {
  it("ignores the order of the parts and sees every change", () => {
    const key = recipeKey({ suite: "trixie", packages: ["a", "b"] });
    expect(recipeKey({ packages: ["a", "b"], suite: "trixie" })).toBe(key);
    expect(recipeKey({ suite: "trixie", packages: ["a", "c"] })).not.toBe(key);
    expect(key).toMatch(/^[0-9a-f]{16}$/);
  });
});

describe("cached", () => {
  it("builds once and then says nothing", async () => {
    const first = await cached(entry(async (target) => writeFileSync(join(target, "file"), "content")));
    expect(readFileSync(join(first, "file"), "utf8")).toBe("content");
    expect(progress).toEqual(["thing: building", "thing: done in 0 s"]);
    const again = await cached(entry(() => Promise.reject(new Error("built again"))));
    expect(again).toBe(first);
    expect(progress).toHaveLength(2);
  });

  it("is closed to other users", async () => {
    await cached(entry(async () => undefined));
    expect(statSync(join(dir, "cache")).mode & 0o777).toBe(0o700);
  });

  it("keeps nothing of a failed build and names it", async () => {
    const failing = entry(async (target) => {
      writeFileSync(join(target, "half"), "");
      throw new Error("disk full");
    });
    await expect(cached(failing)).rejects.toThrow("thing could not be built: disk full");
    expect(readdirSync(join(dir, "cache/thing"))).toEqual([".lock"]);
  });
});

describe.skipIf(!isRoot)(`builds of several processes${unlessRoot}`, () => {
  it("of the same thing happen once, the second process waits and says so", async () => {
    const first = buildElsewhere();
    await first.line("building");
    const second = buildElsewhere();
    await second.line("thing: waiting for another build on this machine");
    writeFileSync(join(dir, "gate.open"), "");
    await Promise.all([first.line("have "), second.line("have ")]);
    expect(readFileSync(join(dir, "gate.builds"), "utf8")).toBe("built\n");
    expect(readdirSync(join(dir, "cache/thing")).sort()).toEqual([".lock", "k1"]);
  }, 30_000);

  it("killed half-way leave no process, and the next build starts afresh", async () => {
    const first = buildElsewhere();
    await first.line("building");
    first.child.kill("SIGKILL");
    await first.exited;
    // The build's tool held this lock.
    execFileSync("flock", ["--wait", "10", join(dir, "gate"), "true"]);
    writeFileSync(join(dir, "gate.open"), "");
    await buildElsewhere().line("have ");
    expect(readdirSync(join(dir, "cache/thing")).sort()).toEqual([".lock", "k1"]);
    expect(readdirSync(join(dir, "cache/thing/k1")).sort()).toEqual(["half", "whole"]);
  }, 30_000);
});

describe.skipIf(!isRoot)(`run${unlessRoot}`, () => {
  it("quotes the tool's last lines when it fails", async () => {
    const failing = run({ tool: "sh", args: ["-c", "echo so far; echo no space left >&2; exit 3"] });
    await expect(failing).rejects.toThrow("sh ended with exit status 3\n  so far\n  no space left");
  });

  it("stops the tool and everything it started", async () => {
    const abort = new AbortController();
    const gate = join(dir, "gate");
    const running = run({
      tool: "sh",
      args: ["-c", 'flock "$1" sh -c "echo up >&2; sleep 600" & wait', "sh", gate],
      log: () => abort.abort(),
      signal: abort.signal,
    });
    await expect(running).rejects.toThrow("sh was stopped");
    execFileSync("flock", ["--wait", "10", gate, "true"]);
  });
});
