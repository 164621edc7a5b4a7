/** Request bodies about DNS zones. */
import { isIPv4, isIPv6 } from "node:net";
import { z } from "zod";
import { labels, list } from "./schemas.ts";

const LABEL = "[a-z0-9_]([a-z0-9_-]{0,61}[a-z0-9_])?";
const zoneName = z
  .string()
  .regex(new RegExp(`^(?=.{1,253}$)${LABEL}(\\.${LABEL})+$`), "must be a domain name in lower case");
const rrsetName = z
  .string()
  .regex(
    new RegExp(`^(@|(\\*\\.)?${LABEL}(\\.${LABEL})*|\\*)$`),
    "must be @ or a name in lower case, without the zone's",
  );
const ttl = z.int().min(60).max(2_147_483_647);
const TYPES = ["A", "AAAA", "CAA", "CNAME", "DS", "HINFO", "HTTPS", "MX", "NS", "PTR", "RP"] as const;
const MORE_TYPES = ["SOA", "SRV", "SVCB", "TLSA", "TXT"] as const;
const rrsetType = z.enum([...TYPES, ...MORE_TYPES]);

const record = z.object({
  value: z.string().min(1),
  comment: z
    .string()
    .nullish()
    .transform((text) => text ?? ""),
});
const records = z.array(record).min(1).max(50);

export const createZone = z.object({
  name: zoneName,
  mode: z.literal("primary", "the lab has primary zones only"),
  ttl: ttl.default(3600),
  labels,
  rrsets: z.array(z.unknown()).max(0, "the lab makes record sets one by one").nullish(),
  zonefile: z.literal("", "the lab reads no zone files").optional(),
});
/** A zone's name can't be changed. */
export const relabel = z.object({ labels });
export const changeZoneTtl = z.object({ ttl });
export const protectZone = z.object({ delete: z.boolean().optional() });

/** What the lab knows of the values of a type; others are taken as they are. */
const VALUES: Readonly<Record<string, (value: string) => boolean>> = {
  A: (value) => isIPv4(value),
  AAAA: (value) => isIPv6(value),
  // One or more strings in quotes, of 255 characters at most.
  TXT: (value) => /^"([^"\\]|\\.){0,255}"( "([^"\\]|\\.){0,255}")*$/.test(value),
};

/** Undefined: the values fit the type. */
export function misfit(type: string, values: readonly { readonly value: string }[]): string | undefined {
  if (new Set(values.map(({ value }) => value)).size < values.length) return "records must differ";
  const fits = VALUES[type];
  const wrong = fits && values.find(({ value }) => !fits(value));
  if (wrong) return `'${wrong.value}' is no value of a record of type ${type}`;
  return type === "CNAME" && values.length > 1 ? "a CNAME has one record" : undefined;
}

export const createRrset = z.object({
  name: rrsetName,
  type: rrsetType.exclude(["SOA"], { error: "the API makes a zone's SOA record itself" }),
  ttl: ttl.nullish().transform((seconds) => seconds ?? null),
  labels,
  records: list(record),
});
export const setRecords = z.object({ records });
export const addRecords = z.object({ records, ttl: ttl.optional() });
export const removeRecords = z.object({ records });
export const changeRrsetTtl = z.object({ ttl: ttl.nullable() });
export const protectRrset = z.object({ change: z.boolean().optional() });
