/** The cache that all checkouts on a machine share: whole artifacts only, each under the hash of its recipe. */
import { createHash } from "node:crypto";
import { existsSync } from "node:fs";
import { mkdir, mkdtemp, readdir, rename, rm } from "node:fs/promises";
import { homedir } from "node:os";
import { join } from "node:path";
import { withLock } from "./lock.ts";

/** Receives one line for the person who waits. */
export type Progress = (line: string) => void;

/** One artifact of the cache. */
export interface CacheEntry {
  /** See {@link defaultCacheDir}. */
  readonly cacheDir: string;
  /** Kind of artifact, for example `etcd`: a folder of the cache. */
  readonly name: string;
  /** Hash of everything that decides what is in it; see {@link recipeKey}. */
  readonly key: string;
  /** What is being made and how long it takes, for the progress line. */
  readonly describe: string;
  readonly onProgress: Progress;
  /** Fills an empty folder. When it fails, nothing is kept. */
  build(dir: string): Promise<void>;
}

const UNFINISHED = ".building-";
const HEARTBEAT_MS = 15_000;

/** `$GARDENOS_CACHE`, or `gardenos` in the user's cache folder. */
export function defaultCacheDir(env: Readonly<Record<string, string | undefined>> = process.env): string {
  return env["GARDENOS_CACHE"] || join(env["XDG_CACHE_HOME"] || join(homedir(), ".cache"), "gardenos");
}

/** A short name for a recipe: equal parts, equal key. */
export function recipeKey(parts: Readonly<Record<string, string | readonly string[]>>): string {
  const sorted = Object.keys(parts)
    .sort()
    .map((name) => [name, parts[name]]);
  return createHash("sha256").update(JSON.stringify(sorted)).digest("hex").slice(0, 16);
}

/**
 * Resolves to the artifact's folder, made now or found. Made under another name and renamed when whole, so a
 * build that dies half-way leaves nothing that looks finished; one build of a kind at a time on this machine.
 */
export async function cached(entry: CacheEntry): Promise<string> {
  const folder = join(entry.cacheDir, entry.name);
  const target = join(folder, entry.key);
  if (existsSync(target)) return target;
  // The image holds setuid programs and the cache a signing key: nobody else's business.
  await mkdir(entry.cacheDir, { recursive: true, mode: 0o700 });
  await mkdir(folder, { recursive: true });
  const waiting = () => entry.onProgress(`${entry.name}: waiting for another build on this machine`);
  return withLock(join(folder, ".lock"), waiting, async () => {
    if (!existsSync(target)) await buildInto(folder, target, entry);
    return target;
  });
}

/** Call with the lock held: whatever is unfinished then belongs to a build that died. */
async function buildInto(folder: string, target: string, entry: CacheEntry): Promise<void> {
  const leftovers = (await readdir(folder)).filter((name) => name.startsWith(UNFINISHED));
  for (const name of leftovers) await rm(join(folder, name), { recursive: true, force: true });
  const started = Date.now();
  const seconds = () => Math.round((Date.now() - started) / 1000);
  entry.onProgress(`${entry.name}: ${entry.describe}`);
  const heartbeat = setInterval(
    () => entry.onProgress(`${entry.name}: still at it after ${seconds()} s`),
    HEARTBEAT_MS,
  );
  const dir = await mkdtemp(join(folder, UNFINISHED));
  try {
    await entry.build(dir);
    await rename(dir, target);
  } catch (error) {
    await rm(dir, { recursive: true, force: true });
    const reason = error instanceof Error ? error.message : String(error);
    throw new Error(`${entry.name} could not be built: ${reason}`, { cause: error });
  } finally {
    clearInterval(heartbeat);
  }
  entry.onProgress(`${entry.name}: done in ${seconds()} s`);
}
