/** The key that signs the lab's package repository: made once per cache, never leaves it. */
import { join } from "node:path";
import { cached, type Progress, recipeKey } from "./cache.ts";
import { run } from "./command.ts";

const SCRIPT_DIR = join(import.meta.dirname, "apt");

export interface AptKey {
  /** Armoured, mode 0600. */
  readonly privateFile: string;
  /** Armoured. */
  readonly publicFile: string;
}

export interface AptKeyBuild {
  readonly cacheDir: string;
  readonly onProgress: Progress;
  readonly signal?: AbortSignal | undefined;
}

/** Finds the cache's key, or makes it. */
export async function aptKey(options: AptKeyBuild): Promise<AptKey> {
  const dir = await cached({
    cacheDir: options.cacheDir,
    name: "apt-key",
    key: recipeKey({ algorithm: "ed25519" }),
    describe: "making the key that signs the lab's packages",
    onProgress: options.onProgress,
    async build(target) {
      await run({ tool: join(SCRIPT_DIR, "make-key.sh"), args: [target], signal: options.signal });
    },
  });
  return { privateFile: join(dir, "private.asc"), publicFile: join(dir, "public.asc") };
}

/** Writes `InRelease` and `Release.gpg` beside `suiteDir`'s `Release`. */
export async function signRelease(key: AptKey, suiteDir: string, signal?: AbortSignal): Promise<void> {
  await run({ tool: join(SCRIPT_DIR, "sign-release.sh"), args: [key.privateFile, suiteDir], signal });
}
