/** What a member's container does before Patroni: a copy of the leader's data that was cut off goes, and nothing else ever does. */
import { execFileSync } from "node:child_process";
import { mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { repositoryPath } from "../../lib/repository-file.ts";

let data: string;
beforeEach(() => {
  data = mkdtempSync(join(tmpdir(), "member-start-"));
});
afterEach(() => rmSync(data, { recursive: true }));

/** Starts a member whose Patroni is `echo`. Answers what is left of these files. */
function start(files: readonly string[]): readonly string[] {
  for (const file of files) {
    mkdirSync(dirname(join(data, file)), { recursive: true });
    writeFileSync(join(data, file), "");
  }
  const script = repositoryPath("files/postgres/member-start.sh");
  const said = execFileSync("sh", [script, data, "echo", "patroni"], { encoding: "utf8", stdio: "pipe" });
  expect(said).toBe("patroni\n");
  return readdirSync(data).sort();
}

describe("a member's start", () => {
  it.each([
    ["its label and some of its files", ["backup_label", "PG_VERSION", "base/1/1259", "pg_wal/1"]],
    ["the log beside it", ["pg_wal/000000010000000000000001"]],
  ])("removes a copy that was cut off, of which there is %s", (_, files) => {
    expect(start(files)).toEqual([]);
  });

  it.each([
    ["data", ["PG_VERSION", "global/pg_control", "base/1/1259", "pg_wal/1"]],
    ["a whole copy that was never started", ["backup_label", "PG_VERSION", "global/pg_control", "pg_wal/1"]],
    ["damaged data: a person must look at that", ["PG_VERSION", "base/1/1259", "pg_wal/1"]],
    ["nothing", []],
  ])("leaves %s alone", (_, files) => {
    const tops = [...new Set(files.map((file) => file.split("/")[0] ?? ""))].sort();
    expect(start(files)).toEqual(tops);
  });
});
