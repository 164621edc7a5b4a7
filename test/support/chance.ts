/** Chance that can be had again: a failed test is repeated with `GARDENOS_SEED=…`. */
import { randomInt } from "node:crypto";
import * as chance from "../../lib/chance.ts";

/** The seed of this run; printed. @param what happens at random */
export function seedOf(what: string): string {
  const seed = process.env["GARDENOS_SEED"] ?? String(randomInt(1e9));
  console.log(`${what}: GARDENOS_SEED=${seed}`);
  return seed;
}

/** Answers a source of numbers from 0 to 1, and prints its seed. @param what happens at random */
export const chances = (what: string): (() => number) => chance.chances(seedOf(what));
