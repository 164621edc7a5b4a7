/** Chance that can be had again: a failed test is repeated with `GARDENOS_SEED=…`. */
import { createHash, randomInt } from "node:crypto";

/** Answers a source of numbers from 0 to 1, and prints its seed. @param what happens at random */
export function chances(what: string): () => number {
  const seed = process.env["GARDENOS_SEED"] ?? String(randomInt(1e9));
  console.log(`${what}: GARDENOS_SEED=${seed}`);
  let drawn = 0;
  return () => {
    drawn += 1;
    return createHash("sha256").update(`${seed} ${drawn}`).digest().readUInt32BE() / 2 ** 32;
  };
}
