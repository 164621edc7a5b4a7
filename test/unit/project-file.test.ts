import { describe, expect, it } from "vitest";
import { parse } from "yaml";
import { parseSettings } from "../../config/parse.ts";
import { SCHEMA } from "../../config/schema.ts";
import { readRepositoryFile } from "../../lib/repository-file.ts";

interface Declaration {
  readonly type?: string;
  readonly default?: unknown;
}

const { config } = parse(readRepositoryFile("Pulumi.yaml")) as { config: Record<string, Declaration> };
const declared = Object.entries(config).map(([key, value]) => [key.replace("gardenos:", ""), value] as const);

describe("Pulumi.yaml", () => {
  it("declares every setting but apt, which may be missing", () => {
    const keys = Object.keys(SCHEMA).filter((key) => key !== "apt");
    expect(declared.map(([key]) => key).sort()).toEqual(keys.sort());
  });

  it("leaves the checks to the program: the CLI would stop at the first mistake, or ask for every key", () => {
    expect(declared.filter(([, { type }]) => type !== undefined)).toEqual([]);
    expect(declared.filter(([, value]) => value.default === undefined)).toEqual([]);
  });

  it("has the schema's defaults", () => {
    const defaults = Object.fromEntries(declared.map(([key, value]) => [key, value.default]));
    const nodes = { n1: { location: "fsn1", privateIp: "10.0.1.11" } };
    expect(parseSettings({ ...defaults, nodes }).settings).toEqual(parseSettings({ nodes }).settings);
  });
});
