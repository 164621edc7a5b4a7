/**
 * Values of Postgres' parameters as postgresql.conf has them: numbers, numbers with a unit, words. Postgres leaves a value that it can't read
 * out in silence where it comes by Patroni, and one out of range keeps a member from starting (postgresql.org, "Setting Parameters").
 */
export type ParameterValue = string | number | boolean;

/** What a value may be. */
export interface Rule {
  /** For the person: `a size from 64kB, such as 4MB`. */
  readonly want: string;
  accepts(value: ParameterValue): boolean;
}

const MEMORY: Readonly<Record<string, number>> = {
  B: 1,
  kB: 1024,
  MB: 1024 ** 2,
  GB: 1024 ** 3,
  TB: 1024 ** 4,
};
const TIME: Readonly<Record<string, number>> = {
  ...{ us: 0.001, ms: 1, s: 1000 },
  ...{ min: 60_000, h: 3_600_000, d: 86_400_000 },
};
const MOST = 2_147_483_647;

/** In units of `base`; undefined for what is no such number. `8kB` is a page: 1024 without a unit are 1024 pages. */
function amount(
  value: ParameterValue,
  units: Readonly<Record<string, number>>,
  base: number,
): number | undefined {
  const [, number, unit] = /^\s*(-?\d+(?:\.\d+)?)\s*([A-Za-z]*)\s*$/.exec(String(value)) ?? [];
  if (typeof value === "boolean" || number === undefined) return undefined;
  if (!unit) return Number(number);
  return Object.hasOwn(units, unit) ? (Number(number) * (units[unit] ?? 0)) / base : undefined;
}

const within = (value: number | undefined, least: number, most: number): boolean =>
  value !== undefined && value >= least && value <= most;

/** Whole units, `least` of -1 included, which switches something off. */
export const count = (least: number, most: number): Rule => ({
  want: `a whole number from ${least} to ${most}`,
  accepts: (value) => {
    const number = amount(value, {}, 1);
    return Number.isInteger(number) && within(number, least, most);
  },
});

export const real = (least: number, most: number, unit?: "ms"): Rule => ({
  want: `a number from ${least} to ${most}${unit ? ` (${unit})` : ""}`,
  accepts: (value) => within(amount(value, unit ? TIME : {}, 1), least, most),
});

const bytesOf = (unit: "kB" | "8kB" | "MB"): number => (unit === "8kB" ? 8192 : (MEMORY[unit] ?? 1));

/** @param unit of a plain number, and of the limits */
export const size = (unit: "kB" | "8kB" | "MB", least: number, most = MOST): Rule => ({
  want: `a size such as 64MB (units B, kB, MB, GB, TB; a plain number is of ${unit}), at least ${least}${least > 0 ? ` × ${unit}` : ""}`,
  accepts: (value) => within(amount(value, MEMORY, bytesOf(unit)), least, most),
});

/** Bytes of a size that `size(unit, …)` accepts. */
export const sizeInBytes = (value: ParameterValue, unit: "kB" | "8kB" | "MB"): number =>
  (amount(value, MEMORY, bytesOf(unit)) ?? 0) * bytesOf(unit);

/** @param unit of a plain number, and of the limits */
export const time = (unit: "ms" | "s", least: number, most = MOST): Rule => ({
  want: `a time such as 30s (units us, ms, s, min, h, d; a plain number is of ${unit}), at least ${least}`,
  accepts: (value) => within(amount(value, TIME, TIME[unit] ?? 1), least, most),
});

export const boolean: Rule = {
  want: "true or false",
  accepts: (value) => typeof value === "boolean" || ["on", "off", "true", "false"].includes(String(value)),
};

/** @param several more than one, with commas; a minus before one takes it out */
export const words = (known: readonly string[], several?: "several"): Rule => ({
  want: `${several ? "some" : "one"} of ${known.join(", ")}`,
  accepts: (value) => {
    const named = several
      ? String(value)
          .split(",")
          .map((each) => each.trim().replace(/^-/, ""))
      : [String(value)];
    return named.every((each) => known.includes(each));
  },
});
