import { compare } from "bcryptjs";
import { describe, expect, it } from "vitest";
import { random } from "../../lab/drivers/random.ts";
import type { Existing, Properties } from "../../lab/engine/driver.ts";
import { contextFor } from "./support/context.ts";

const token = (kind: string): string => `random:index/random${kind}:Random${kind}`;
const make = (kind: string, inputs: Properties): Promise<Existing> =>
  random.create(contextFor(token(kind)), inputs);

describe("RandomPassword", () => {
  it("answers the id, the defaults and the keys of the real provider", async () => {
    const { id, outputs } = await make("Password", { length: 20, special: false });
    const { result, bcryptHash, ...rest } = outputs;
    expect(id).toBe("none");
    expect(rest).toEqual({
      id: "none",
      length: 20,
      special: false,
      lower: true,
      upper: true,
      number: true,
      numeric: true,
      minLower: 0,
      minUpper: 0,
      minNumeric: 0,
      minSpecial: 0,
    });
    expect(result).toMatch(/^[A-Za-z0-9]{20}$/);
    expect(await compare(String(result), String(bcryptHash))).toBe(true);
  });

  it("gives each kind of character its minimum", async () => {
    const inputs = {
      length: 8,
      minLower: 2,
      minUpper: 2,
      minNumeric: 2,
      minSpecial: 2,
      overrideSpecial: "_",
    };
    const { result } = (await make("Password", inputs)).outputs;
    expect([...String(result)].sort().join("")).toMatch(/^[0-9]{2}[A-Z]{2}__[a-z]{2}$/);
  });

  it("marks the result and its hash secret", () => {
    expect(random.secretOutputs?.(token("Password"))).toEqual(["bcryptHash", "result"]);
  });

  it.each([
    [
      { length: 4, minLower: 5 },
      "RandomPassword: length is 4, but the minimums add up to 5. Raise length or lower them.",
    ],
    [
      { length: 4, lower: false, upper: false, numeric: false, special: false },
      "RandomPassword: every kind of character is switched off. Leave one of them on.",
    ],
  ])("says what is wrong with %o", async (inputs, message) => {
    await expect(make("Password", inputs)).rejects.toThrow(message);
  });

  it("rejects what it would otherwise ignore", () => {
    expect(random.check?.(token("Password"), { length: 4, size: 3 }).failures).toEqual([
      { property: "size", reason: "the lab's driver does not support it" },
    ]);
  });
});

describe("the other types", () => {
  it("RandomId: the id is the bytes without the prefix", async () => {
    const { id, outputs } = await make("Id", { byteLength: 8, prefix: "p-" });
    const bytes = Buffer.from(id, "base64url");
    expect(bytes).toHaveLength(8);
    expect(outputs).toEqual({
      id,
      byteLength: 8,
      prefix: "p-",
      b64Url: `p-${id}`,
      b64Std: `p-${bytes.toString("base64")}`,
      hex: `p-${bytes.toString("hex")}`,
      dec: `p-${BigInt(`0x${bytes.toString("hex")}`)}`,
    });
  });

  it("RandomString, RandomBytes and RandomUuid are their own ids", async () => {
    const text = await make("String", { length: 12 });
    const bytes = await make("Bytes", { length: 16 });
    const uuid = await make("Uuid", {});
    expect(text.id).toBe(text.outputs["result"]);
    expect(Buffer.from(bytes.id, "base64").toString("hex")).toBe(bytes.outputs["hex"]);
    expect(uuid.outputs).toEqual({ id: uuid.id, result: uuid.id });
    expect(uuid.id).toMatch(/^[0-9a-f]{8}-[0-9a-f]{4}-4/);
  });

  it("names the types it knows when asked for another", async () => {
    await expect(make("Pet", {})).rejects.toThrow(
      "random:index/randomPet:RandomPet: the lab has no such resource type. It knows RandomPassword,",
    );
  });
});

describe("changes", () => {
  const diff = (old: Properties, news: Properties) =>
    random.diff?.(token("Password"), { inputs: old, outputs: {} }, news);

  it("replaces on any of them", () => {
    expect(diff({ length: 20 }, { length: 20, keepers: { turn: "2" } })).toEqual({
      changed: ["keepers"],
      replace: ["keepers"],
    });
  });

  it("sees none when a default is written out", () => {
    expect(diff({ length: 20 }, { length: 20, upper: true, minLower: 0 })?.changed).toEqual([]);
  });
});
