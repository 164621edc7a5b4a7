/** The folder with the code of Supabase's functions: what is read, and what is refused by name. */
import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { dirname, join, relative } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { readFunctions } from "../../config/functions.ts";
import type { Problem } from "../../lib/problem.ts";
import { repositoryPath } from "../../lib/repository-file.ts";

let root = "";
const folder = () => relative(repositoryPath("."), root);
const write = (path: string, content: string | Uint8Array) => {
  mkdirSync(dirname(join(root, path)), { recursive: true });
  writeFileSync(join(root, path), content);
};

beforeEach(() => {
  mkdirSync(repositoryPath("coverage"), { recursive: true });
  root = mkdtempSync(repositoryPath("coverage/functions-"));
});
afterEach(() => rmSync(root, { recursive: true }));

function read(path: string | undefined = folder()) {
  const problems: Problem[] = [];
  return { files: readFunctions(path, problems), problems };
}

/** Got and want of every problem. */
const refused = (path?: string) => read(path).problems.map(({ got, want }) => [got, want]);

describe("the folder of functions", () => {
  it("is read whole, in order", () => {
    write("main/index.ts", "main");
    write("hello/index.ts", "héllo");
    expect(read()).toEqual({ files: { "hello/index.ts": "héllo", "main/index.ts": "main" }, problems: [] });
    expect(Object.keys(read().files)).toEqual(["hello/index.ts", "main/index.ts"]);
    expect(readFunctions(undefined, [])).toEqual({});
  });

  it.each(["", " ", ".", "/etc", "..", "functions/../../other"])(
    "is inside the repository: not '%s'",
    (path) => {
      expect(refused(path)).toEqual([[path, "a folder inside this repository, such as functions"]]);
    },
  );

  it("is there, is a folder, and is no link out of the repository", () => {
    expect(refused("no-such-folder")).toEqual([["no-such-folder", "a folder that exists"]]);
    expect(refused("package.json")).toEqual([["package.json", "a folder that exists"]]);
    expect(refused("package.json/x")).toEqual([["package.json/x", "a folder that exists"]]);
    symlinkSync("/etc", join(root, "out"));
    const out = join(folder(), "out");
    expect(refused(out)).toEqual([
      [out, "a folder inside this repository, such as functions: a link leads out of it"],
    ]);
  });

  it("has the file that leads to the others, which is looked for before any is read", () => {
    write("hello/index.ts", new Uint8Array([0xff]));
    expect(refused()).toEqual([[folder(), "a folder with main/index.ts, which leads to the functions"]]);
  });

  it("has no dot-files and no links", () => {
    write("main/index.ts", "main");
    write(".env", "CANARY");
    write(".git/config", "x");
    symlinkSync("/etc/passwd", join(root, "main/link.ts"));
    expect(refused().sort()).toEqual([
      [".env", "no file with a dot before its name"],
      [".git", "no file with a dot before its name"],
      ["main/link.ts", "a file, and no link"],
    ]);
  });

  it("has texts, of a megabyte together at most", () => {
    write("main/index.ts", "main");
    write("main/logo.png", new Uint8Array([0x89, 0x50]));
    expect(refused()).toEqual([["main/logo.png", "a text in UTF-8"]]);
    write("main/logo.png", new Uint8Array(1_000_000));
    expect(refused()).toEqual([[folder(), "files of 1000000 bytes together at most, not 1000004"]]);
  });
});
