/** What each Hetzner Cloud resource type brings to the driver, and how its values compare. */
import { z } from "zod";
import type { Existing, Properties } from "../../engine/driver.ts";
import { type Client, readAnswer } from "./client.ts";

/** A resource as the record has it. */
export interface Recorded extends Existing {
  readonly inputs: Properties;
}

/** `outputs` of all methods are what the API says; the driver adds the inputs. */
export interface Kind {
  readonly schema: z.ZodObject;
  /**
   * Built on Terraform's older plugin SDK. The bridge then marks every block of the inputs with `__defaults`.
   * @default false
   */
  readonly isOldSdk?: boolean;
  /** Keys of inputs, at any depth, whose values are single blocks: objects, but no maps. @default none */
  readonly blocks?: readonly string[];
  /** Inputs that can't be changed in place. */
  readonly replace: readonly string[];
  /** Inputs whose present value the API tells; a refresh takes it over. */
  readonly observed: readonly string[];
  create(client: Client, inputs: Properties): Promise<Existing>;
  /** Undefined: every change replaces it. */
  update?(client: Client, old: Recorded, news: Properties): Promise<Properties>;
  read(client: Client, old: Recorded): Promise<Existing | undefined>;
  find(client: Client, inputs: Properties): Promise<Existing | undefined>;
  delete(client: Client, old: Recorded): Promise<void>;
}

/** One thing of the API; each type reads its own keys from it. */
export const apiObject = z.looseObject({ id: z.number() });
export type ApiObject = z.infer<typeof apiObject>;

export const labels = z.record(z.string(), z.string()).default({});
export const flag = z.boolean().default(false);
/** Names are given, never made up: they are how an interrupted create is found again. */
export const name = z.string().min(1);
/** References come as numbers or, from a resource's id, as numerals. */
export const reference = z.union([z.number(), z.string().regex(/^\d+$/).transform(Number)], {
  error: "want the numeric id of a resource",
});

/** The first of a collection with this name, or undefined. */
export async function findByName(
  client: Client,
  collection: string,
  wanted: string,
): Promise<ApiObject | undefined> {
  const list = z.record(z.string(), z.unknown());
  const answer = await client.call("GET", `/${collection}?name=${encodeURIComponent(wanted)}`, list);
  return readAnswer(z.array(apiObject), answer[collection], collection)[0];
}

function isEmpty(value: unknown): boolean {
  return (
    value === undefined || value === null || value === "" || (Array.isArray(value) && value.length === 0)
  );
}

/** Lists are sets to this API, empty is absent, and numerals are numbers. */
function canonical(value: unknown): unknown {
  if (Array.isArray(value)) return value.map((item) => JSON.stringify(canonical(item))).sort();
  if (typeof value === "number") return String(value);
  if (typeof value !== "object" || value === null) return value;
  const entries = Object.entries(value).filter(([key, item]) => !key.startsWith("__") && !isEmpty(item));
  return entries.map(([key, item]) => [key, canonical(item)]).sort();
}

/** True when the API can't tell one value from the other. */
export function isSame(one: unknown, other: unknown): boolean {
  return JSON.stringify(canonical(one)) === JSON.stringify(canonical(other));
}

/** A block as the API has it, in the words of the inputs: what is off or empty and was never given is left out. */
export function inWordsOf(given: unknown, observed: unknown): unknown {
  if (!isObject(given) || !isObject(observed)) return observed;
  const entries = Object.entries(observed).filter(
    ([key, value]) => key in given || !(value === false || isEmpty(value)),
  );
  return Object.fromEntries(entries.map(([key, value]) => [key, inWordsOf(given[key], value)]));
}

function isObject(value: unknown): value is Properties {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
