/** A rotation of Supabase's keys, step by step. */
import { describe, expect, it } from "vitest";
import { parse } from "yaml";
import { nextStep, rotate } from "../../ops/supabase-keys.ts";

describe("a rotation", () => {
  it("accepts before it signs, and ends the old keys last", () => {
    const one = nextStep({ signing: "k1", accepted: ["k1"] });
    const two = nextStep(one.keys);
    const three = nextStep(two.keys);
    const next = nextStep(three.keys);
    expect([one, two, three, next].map(({ keys }) => keys)).toEqual([
      { signing: "k1", accepted: ["k1", "k2"] },
      { signing: "k2", accepted: ["k1", "k2"] },
      { signing: "k2", accepted: ["k2"] },
      { signing: "k2", accepted: ["k2", "k3"] },
    ]);
    expect(two.say).toContain(
      "Users' tokens by k1 stay good, and so do its keys at the gateway; a token that somebody signed by its JWT_SECRET does not",
    );
    expect(three.say).toBe("Tokens and keys by k1 will be refused. Run `pulumi up`.");
  });

  it("never takes away keys of which it can't tell whether they are old", () => {
    expect(() => nextStep({ signing: "k2", accepted: ["k1", "k2", "k3"] })).toThrow(
      "several other keys are accepted (k1, k3): take away what is old by hand first",
    );
  });

  it("changes the keys of the stack's file, and nothing else", () => {
    const file =
      "config:\n  # why it is here\n  gardenos:supabase: { profile: core }\n  other: 1 # a comment\n";
    const { file: written } = rotate(file);
    expect(parse(written)).toEqual({
      config: {
        "gardenos:supabase": { profile: "core", keys: { signing: "k1", accepted: ["k1", "k2"] } },
        other: 1,
      },
    });
    expect(written).toContain("# why it is here");
    expect(written).toContain("# a comment");
  });

  it("is for a stack that has Supabase", () => {
    expect(() => rotate("config: {}\n")).toThrow("this stack has no Supabase");
  });
});
