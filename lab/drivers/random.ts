/** Stands in for the `random` provider 4.21: values made once and kept in the state. */
import { randomBytes, randomInt, randomUUID } from "node:crypto";
import { hash } from "bcryptjs";
import { z } from "zod";
import type { Driver, Existing, Properties } from "../engine/driver.ts";
import { changedKeys, failuresOf, kindIn, kindOf, parseInputs, withSchemaDefaults } from "./properties.ts";

const DIGITS = "0123456789";
const LOWER = "abcdefghijklmnopqrstuvwxyz";
const UPPER = LOWER.toUpperCase();
const SPECIAL = "!@#$%&*()-_=+[]{}<>:?";

/** The provider's own bcrypt cost. */
const BCRYPT_COST = 10;

const keepers = z.record(z.string(), z.string()).optional();
const count = z.int().min(0).default(0);

const stringInputs = z.strictObject({
  keepers,
  length: z.int().min(1),
  lower: z.boolean().default(true),
  upper: z.boolean().default(true),
  special: z.boolean().default(true),
  number: z.boolean().optional(),
  numeric: z.boolean().optional(),
  minLower: count,
  minUpper: count,
  minNumeric: count,
  minSpecial: count,
  overrideSpecial: z.string().optional(),
});
const idInputs = z.strictObject({ keepers, byteLength: z.int().min(1), prefix: z.string().optional() });
const bytesInputs = z.strictObject({ keepers, length: z.int().min(1) });
const uuidInputs = z.strictObject({ keepers });

interface Kind {
  readonly schema: z.ZodObject;
  readonly secrets: readonly string[];
  create(kind: string, inputs: Properties): Promise<Existing>;
}

function pick(alphabet: string, length: number): string[] {
  const characters = [...alphabet];
  return Array.from({ length }, () => characters[randomInt(characters.length)] ?? "");
}

/** Fisher–Yates with the system's random source. */
function shuffle(items: readonly string[]): string[] {
  const result = [...items];
  for (let i = result.length - 1; i > 0; i--) {
    const j = randomInt(i + 1);
    [result[i], result[j]] = [result[j] ?? "", result[i] ?? ""];
  }
  return result;
}

/** All inputs with the provider's defaults, and the text they ask for. */
function makeString(kind: string, inputs: Properties): Properties & { readonly result: string } {
  const parsed = parseInputs(stringInputs, kind, inputs);
  const numeric = parsed.numeric ?? parsed.number ?? true;
  const { length, minLower, minUpper, minNumeric, minSpecial } = parsed;
  const required = minLower + minUpper + minNumeric + minSpecial;
  if (required > length)
    throw new Error(
      `${kind}: length is ${length}, but the minimums add up to ${required}. Raise length or lower them.`,
    );
  const special = parsed.overrideSpecial || SPECIAL;
  const alphabet = [
    parsed.upper && UPPER,
    parsed.lower && LOWER,
    numeric && DIGITS,
    parsed.special && special,
  ].filter((part) => part !== false);
  if (alphabet.length === 0)
    throw new Error(`${kind}: every kind of character is switched off. Leave one of them on.`);
  const characters = [
    ...pick(LOWER, minLower),
    ...pick(UPPER, minUpper),
    ...pick(DIGITS, minNumeric),
    ...pick(special, minSpecial),
    ...pick(alphabet.join(""), length - required),
  ];
  return { ...parsed, number: numeric, numeric, result: shuffle(characters).join("") };
}

const kinds: Readonly<Record<string, Kind>> = {
  RandomPassword: {
    schema: stringInputs,
    secrets: ["bcryptHash", "result"],
    async create(kind, inputs) {
      const outputs = makeString(kind, inputs);
      return { id: "none", outputs: { ...outputs, bcryptHash: await hash(outputs.result, BCRYPT_COST) } };
    },
  },
  RandomString: {
    schema: stringInputs,
    secrets: [],
    async create(kind, inputs) {
      const outputs = makeString(kind, inputs);
      return { id: outputs.result, outputs };
    },
  },
  RandomId: {
    schema: idInputs,
    secrets: [],
    async create(kind, inputs) {
      const { byteLength, prefix = "" } = parseInputs(idInputs, kind, inputs);
      const bytes = randomBytes(byteLength);
      const id = bytes.toString("base64url");
      const hex = bytes.toString("hex");
      const outputs = {
        ...inputs,
        b64Url: prefix + id,
        b64Std: prefix + bytes.toString("base64"),
        hex: prefix + hex,
        dec: prefix + BigInt(`0x${hex}`).toString(),
      };
      return { id, outputs };
    },
  },
  RandomBytes: {
    schema: bytesInputs,
    secrets: ["base64", "hex"],
    async create(kind, inputs) {
      const bytes = randomBytes(parseInputs(bytesInputs, kind, inputs).length);
      const base64 = bytes.toString("base64");
      // The real provider takes the value itself for the id, which no secret mark covers: not for secrets.
      return { id: base64, outputs: { ...inputs, base64, hex: bytes.toString("hex") } };
    },
  },
  RandomUuid: {
    schema: uuidInputs,
    secrets: [],
    async create(_kind, inputs) {
      const result = randomUUID();
      return { id: result, outputs: { ...inputs, result } };
    },
  },
};

export const random: Driver = {
  check: (type, news) => ({ inputs: news, failures: failuresOf(kindIn(kinds, type).schema, news) }),
  diff(type, old, news) {
    const { schema } = kindIn(kinds, type);
    // A default written out is no change.
    const changed = changedKeys(withSchemaDefaults(schema, old.inputs), withSchemaDefaults(schema, news));
    return { changed, replace: changed };
  },
  async create(ctx, inputs) {
    const { id, outputs } = await kindIn(kinds, ctx.type).create(kindOf(ctx.type), inputs);
    return { id, outputs: { ...outputs, id } };
  },
  secretOutputs: (type) => kindIn(kinds, type).secrets,
};
