import { createHash } from "node:crypto";

/** A source of numbers from 0 to below 1, the same for the same seed. */
export function chances(seed: string): () => number {
  let drawn = 0;
  return () => {
    drawn += 1;
    return createHash("sha256").update(`${seed} ${drawn}`).digest().readUInt32BE() / 2 ** 32;
  };
}

/** One of them. @throws Error when there are none */
export function pick<T>(chance: () => number, items: readonly T[]): T {
  const index = Math.floor(chance() * items.length);
  if (index >= items.length) throw new Error("nothing to pick from");
  return items[index] as T;
}
