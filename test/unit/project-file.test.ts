import { describe, expect, it } from "vitest";
import { parse } from "yaml";
import { parseSettings } from "../../config/parse.ts";
import { SCHEMA } from "../../config/schema.ts";
import { stackConfig } from "../../lab/stack-config.ts";
import { readRepositoryFile } from "../../lib/repository-file.ts";

interface Declaration {
  readonly type?: string;
  readonly default?: unknown;
}

const { config } = parse(readRepositoryFile("Pulumi.yaml")) as { config: Record<string, Declaration> };
const declared = Object.entries(config).map(([key, value]) => [key.replace("gardenos:", ""), value] as const);

describe("the lab's reading of a stack", () => {
  it("takes a key with nothing behind it for one that is left out", () => {
    const { "gardenos:domain": domain, "gardenos:tls": tls } = stackConfig("lab", {
      "gardenos:domain": null,
      "gardenos:tls": null,
    });
    expect([domain, tls]).toEqual(["gardenos.test", '{"mode":"internal-ca"}']);
    expect(Object.values(stackConfig("dev"))).not.toContain("null");
  });
});

describe("Pulumi.yaml", () => {
  it("declares every setting but those that may be missing", () => {
    const keys = Object.entries(SCHEMA).flatMap(([key, schema]) =>
      schema.safeParse(undefined).data === undefined && key !== "nodes" ? [] : [key],
    );
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
