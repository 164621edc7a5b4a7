import { describe, expect, it } from "vitest";
import { parseSettings } from "../../config/parse.ts";
import { readRepositoryFile } from "../../lib/repository-file.ts";
import { renderPages } from "../../scripts/docs.ts";
import { GOOD } from "../support/settings.ts";

describe("generated pages", () => {
  it.each(Object.entries(renderPages()))("%s is what `make docs` writes", (path, text) => {
    expect(readRepositoryFile(path)).toBe(text);
  });

  it("say something about every setting and every output", () => {
    const rows = Object.values(renderPages()).flatMap((page) => page.split("\n").filter((l) => l[0] === "|"));
    expect(rows.filter((row) => row.endsWith("|  |"))).toEqual([]);
  });
});

describe("a map of known fields", () => {
  it("is asked for in words when something else stands there", () => {
    const { problems } = parseSettings({ ...GOOD, etcd: "4Gi" });
    expect(problems).toEqual([
      {
        field: "gardenos:etcd",
        got: "4Gi",
        want: "a map of the fields in docs/config.md",
        fix: "pulumi config set --path 'gardenos:etcd' <value>",
      },
    ]);
  });
});
