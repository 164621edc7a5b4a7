import { chmodSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { missingTools, newEnough } from "../../lab/artifacts/tools.ts";

let bin: string;

beforeEach(() => {
  bin = mkdtempSync(join(tmpdir(), "artifacts-tools-"));
});

afterEach(() => rmSync(bin, { recursive: true }));

function install(name: string, script: string): void {
  writeFileSync(join(bin, name), `#!/bin/sh\n${script}\n`);
  chmodSync(join(bin, name), 0o755);
}

describe("missingTools", () => {
  it("names the Debian package of each missing tool, and none for Go", () => {
    install("tar", "true");
    const missing = missingTools({ PATH: bin });
    expect(missing).toContainEqual({ tool: "mmdebstrap", package: "mmdebstrap" });
    expect(missing).toContainEqual({ tool: "apt-ftparchive", package: "apt-utils" });
    expect(missing).toContainEqual({ tool: "gpg", package: "gpg" });
    expect(missing).toContainEqual({ tool: "go 1.26 or newer" });
    expect(missing.map(({ tool }) => tool)).not.toContain("tar");
  });

  it("says which Go it found when that is too old", () => {
    install("go", "echo go1.24.4");
    expect(missingTools({ PATH: bin })).toContainEqual({ tool: "go 1.26 or newer (found go1.24.4)" });
  });

  it("accepts a Go that is new enough", () => {
    install("go", "echo go1.26.0");
    expect(missingTools({ PATH: bin }).filter(({ tool }) => tool.startsWith("go "))).toEqual([]);
  });
});

describe("newEnough", () => {
  it.each([
    ["go1.26", true],
    ["go1.26.8", true],
    ["go1.27rc1", true],
    ["go2.0", true],
    ["go1.25.9", false],
    ["go1.3", false],
    ["devel", false],
    ["", false],
  ])("%s → %s", (version, want) => {
    expect(newEnough(version)).toBe(want);
  });
});
