/** What values of the configuration are made of. A check's message says what is wanted. */
import { z } from "zod";
import { isCidr } from "../lib/cidr.ts";
import { isQuantity, type Quantity } from "../lib/quantity.ts";

/** A map of known fields. Unknown ones are told apart by their own code. */
export const fields = <Shape extends z.ZodRawShape>(shape: Shape) =>
  z.strictObject(shape, { error: "a map of the fields in docs/config.md" });

/** True for a map, as YAML has it. */
export const isMap = (value: unknown): value is Record<string, unknown> =>
  value !== null && typeof value === "object" && !Array.isArray(value);

/** Any text; `want` is what the message asks for. */
export const text = (want: string) => z.string({ error: want });
/** A text that passes a test. */
export const matching = (want: string, test: (value: string) => boolean) => text(want).refine(test, want);

/** A text with something in it, and no white space around that. */
export const filled = (want: string) => matching(want, (v) => v !== "" && v === v.trim());

/** User and password of an address end in an @ before its first slash. */
const names = (address: string): boolean => /^[^:]*:\/\/[^/?#]*@/.test(address);

/** An http or https address that holds no secret: whoever reads the settings reads it. */
export const httpUrl = (want: string) =>
  matching(
    `${want}, without user, password, query and fragment`,
    (v) => /^https?:\/\/[^\s?#\\]+$/.test(v) && URL.canParse(v) && !names(v),
  );

/** An address as Supabase's auth compares it: of any scheme, with * for anything. It is handed a list with commas. */
export const addressPattern = (want: string) =>
  matching(want, (v) => /^[a-z][a-z0-9+.-]*:\/\/[^\s,]+$/.test(v) && !names(v));

/** No name twice. */
export const eachOnce = (names: readonly string[]): boolean => new Set(names).size === names.length;

/**
 * A day, or a time of RFC 3339, that the calendar has. Without a zone a time would mean another one on each machine;
 * Date.parse takes the 31st of February for a day of March.
 */
export function isTime(text: string): boolean {
  const [, day] =
    /^(\d{4}-\d{2}-\d{2})(T([01]\d|2[0-3])(:[0-5]\d){2}(\.\d+)?(Z|[+-]([01]\d|2[0-3]):[0-5]\d))?$/.exec(
      text,
    ) ?? [];
  if (day === undefined || Number.isNaN(Date.parse(day))) return false;
  return new Date(day).toISOString().startsWith(day);
}

/** One label of a DNS name, that `domain` is put behind. */
export const hostLabel = (example: string) =>
  matching(
    `a name such as ${example}: gardenos:domain is put behind it, so write ${example}, not ${example}.example.org`,
    (v) => /^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$/.test(v),
  );

/** What DNS lets a name have (RFC 1035). */
export const LONGEST_NAME = 253;

/** An IPv4 network. */
export const cidr = (want: string) => matching(want, isCidr);
/** A number of seconds. */
export const seconds = (min: number, max: number) => {
  const want = `a whole number of seconds from ${min} to ${max}`;
  return z.int({ error: want }).min(min, want).max(max, want);
};

const isDnsName = (name: string): boolean =>
  name.length <= LONGEST_NAME &&
  /^([a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?)(\.[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?)*$/.test(name);

/** A DNS name in lower case. */
export const dnsName = (want: string) => matching(want, isDnsName);

/** A DNS name of two labels or more that is no address. */
export const domainName = (want: string) => matching(want, (v) => isDnsName(v) && /\.(?!\d+$)[^.]+$/.test(v));

/** A size of memory; the example stands in the message. */
export const memory = (example: Quantity) =>
  z.custom<Quantity>((v) => typeof v === "string" && isQuantity(v), { error: `a size such as ${example}` });

/** A number of things. */
export const count = (min: number, max: number) => {
  const want = `a whole number from ${min} to ${max}`;
  return z.int({ error: want }).min(min, want).max(max, want);
};

/** Name of a database, which roles' names are made of. */
export const databaseName = matching(
  "a database name: a lower-case letter, then at most 40 lower-case letters, digits or '_'",
  (v) => /^[a-z][a-z0-9_]{0,40}$/.test(v),
);
