import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { renderEnv } from "../../lib/env-file.ts";
import { renderProblems } from "../../lib/problem.ts";
import { isQuantity, quantityBytes } from "../../lib/quantity.ts";
import { sha256 } from "../../lib/sha256.ts";
import { compareVersions, isVersion, minorOf } from "../../lib/version.ts";

describe("environment files", () => {
  it("are sorted and quoted", () => {
    expect(renderEnv({ B: "two words", A: "$1" })).toBe("A='$1'\nB='two words'\n");
  });

  it.each(["it's", "back\\slash", "two\nlines"])(
    "refuse %j, which bash and systemd read differently",
    (value) => {
      expect(() => renderEnv({ KEY: value })).toThrow(
        "KEY: quotes, backslashes and newlines do not survive both bash and systemd",
      );
    },
  );
});

describe("versions", () => {
  const version = fc.tuple(fc.nat(40), fc.nat(40), fc.nat(40)).map((parts) => parts.join("."));

  it("compare by number, not by letter", () => {
    expect(compareVersions("3.6.9", "3.6.16")).toBeLessThan(0);
    expect(compareVersions("3.7.0", "3.6.16")).toBeGreaterThan(0);
  });

  it("compare antisymmetrically", () => {
    fc.assert(
      fc.property(
        version,
        version,
        (a, b) => Math.sign(compareVersions(a, b)) === -Math.sign(compareVersions(b, a)),
      ),
    );
  });

  it("are three numbers", () => {
    expect(isVersion("3.6.16")).toBe(true);
    expect(isVersion("v3.6.16")).toBe(false);
    expect(minorOf("3.6.16")).toBe("3.6");
  });
});

describe("quantities", () => {
  it("are whole numbers of binary units", () => {
    expect(["4Gi", "512Mi"].every(isQuantity)).toBe(true);
    expect(["4", "4G", "0Gi", "1.5Gi", "-1Gi"].some(isQuantity)).toBe(false);
    expect(quantityBytes("4Gi")).toBe(4_294_967_296);
    expect(quantityBytes("512Mi")).toBe(536_870_912);
  });
});

describe("problems", () => {
  it("say field, got, want and fix, and cut what is too long to read", () => {
    const text = renderProblems("Pulumi.dev.yaml", [
      { field: "gardenos:a", got: undefined, want: "something", fix: "write it" },
      { field: "gardenos:b", got: "x".repeat(100), want: "less", fix: "shorten it" },
    ]);
    expect(text).toBe(
      [
        "Pulumi.dev.yaml: 2 problems. Nothing was changed.",
        "  gardenos:a\n    got   nothing\n    want  something\n    fix   write it",
        `  gardenos:b\n    got   "${"x".repeat(76)}…\n    want  less\n    fix   shorten it`,
      ].join("\n\n"),
    );
  });

  it("count a single one in the singular", () => {
    expect(renderProblems("f", [{ field: "a", got: 1, want: "b", fix: "c" }])).toMatch(/^f: 1 problem\. /);
  });
});

it("checksums are SHA-256 in hex", () => {
  expect(sha256("abc")).toBe("ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
});
