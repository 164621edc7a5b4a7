import { describe, expect, it } from "vitest";
import type { z } from "zod";
import { parseSettings } from "../../config/parse.ts";
import { SCHEMA } from "../../config/schema.ts";
import { readRepositoryFile } from "../../lib/repository-file.ts";
import { declarations, renderPages } from "../../scripts/docs.ts";
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

describe("Pulumi.yaml", () => {
  const declared = declarations();

  it("declares every key of the schema, but for one that has no value when it is left out", () => {
    const keys = Object.entries<z.ZodType>(SCHEMA)
      .filter(([, schema]) => !(schema.safeParse(undefined).success && schema.parse(undefined) === undefined))
      .map(([key]) => key);
    expect(Object.keys(declared)).toEqual(keys);
  });

  it("has the schema's defaults, of the schema's types", () => {
    const { nodes, ...defaults } = parseSettings({ ...GOOD, adminCidrs: undefined }).settings;
    const written = Object.entries(declared).map(([key, { default: value }]) => [key, value]);
    expect(Object.fromEntries(written)).toEqual({ ...defaults, nodes: {} });
    expect(Object.keys(nodes ?? {})).toEqual(["n1", "n2", "n3"]);
  });

  it("leaves types to the program, which names all mistakes at once", () => {
    const fields = Object.values(declared).flatMap((each) => Object.keys(each));
    expect([...new Set(fields)].sort()).toEqual(["default", "description"]);
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
