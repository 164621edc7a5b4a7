/** An apt repository of exactly the packages the program installs, with what they need and the image lacks. */
import { copyFile, mkdir, readdir, rename, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { promisify } from "node:util";
import { gzip } from "node:zlib";
import { aptClient } from "./apt-client.ts";
import { aptKey, signRelease } from "./apt-key.ts";
import { cached, type Progress, recipeKey } from "./cache.ts";
import { run } from "./command.ts";
import type { Rootfs } from "./rootfs.ts";

/** Suite and component of the repository, as a source entry names them. */
export const APT_SUITE = "lab";
export const APT_COMPONENT = "main";

/** Raise when the layout below changes: it is part of the cache key. */
const LAYOUT = "2";

export interface AptRepositoryBuild {
  readonly cacheDir: string;
  readonly rootfs: Rootfs;
  /** Names of Debian packages. */
  readonly packages: readonly string[];
  readonly onProgress: Progress;
  /** Receives the tools' own output. */
  readonly log: (line: string) => void;
  readonly signal?: AbortSignal | undefined;
}

export interface AptRepository {
  /** Holds `dists/` and `pool/`. */
  readonly dir: string;
  /** Armoured public key; inside `dir`. */
  readonly keyFile: string;
}

/** Downloads, indexes and signs, or finds the repository in the cache. Needs root. */
export async function buildAptRepository(options: AptRepositoryBuild): Promise<AptRepository> {
  const packages = [...new Set(options.packages)].sort();
  const dir = await cached({
    cacheDir: options.cacheDir,
    name: "apt",
    key: recipeKey({ layout: LAYOUT, packages, rootfs: options.rootfs.key }),
    describe: `downloading ${packages.length} packages and what they need with apt`,
    onProgress: options.onProgress,
    async build(target) {
      const pool = join(target, "pool", APT_COMPONENT);
      await mkdir(pool, { recursive: true });
      await download(join(target, "work"), pool, { ...options, packages });
      await rm(join(target, "work"), { recursive: true });
      await index(target, options.signal);
      const key = await aptKey(options);
      await signRelease(key, join(target, "dists", APT_SUITE), options.signal);
      await copyFile(key.publicFile, join(target, "lab.asc"));
    },
  });
  return { dir, keyFile: join(dir, "lab.asc") };
}

/** Lets the host's apt resolve for the image: its package states, the machines' release, nothing of the host's. */
async function download(work: string, pool: string, options: AptRepositoryBuild): Promise<void> {
  const { log, signal } = options;
  const statusFile = join(options.rootfs.dir, "var/lib/dpkg/status");
  const { env, archives } = await aptClient({ work, statusFile, log, signal });
  // Reinstall: a named package that the image has already is part of the repository too.
  const install = ["install", "--yes", "--download-only", "--reinstall", "--no-install-recommends"];
  await run({ tool: "apt-get", args: [...install, ...options.packages], env, log, signal });
  for (const name of await readdir(archives)) {
    if (name.endsWith(".deb")) await rename(join(archives, name), join(pool, poolName(name)));
  }
}

/**
 * A name that needs no escaping in a URL: apt asks for `+` as `%2b`, and file servers differ
 * about that.
 */
function poolName(archiveName: string): string {
  return archiveName.replace(/[^A-Za-z0-9._-]/g, "-");
}

async function index(dir: string, signal?: AbortSignal): Promise<void> {
  const suite = join(dir, "dists", APT_SUITE);
  const binary = join(suite, APT_COMPONENT, "binary-amd64");
  await mkdir(binary, { recursive: true });
  const pool = join("pool", APT_COMPONENT);
  const packages = await run({ tool: "apt-ftparchive", args: ["packages", pool], cwd: dir, signal });
  await writeFile(join(binary, "Packages"), packages);
  await writeFile(join(binary, "Packages.gz"), await promisify(gzip)(packages));
  const fields = {
    Origin: "gardenos-lab",
    Label: "gardenos-lab",
    Suite: APT_SUITE,
    Codename: APT_SUITE,
    Components: APT_COMPONENT,
    Architectures: "amd64",
  };
  const options = Object.entries(fields).flatMap(([name, value]) => [
    "-o",
    `APT::FTPArchive::Release::${name}=${value}`,
  ]);
  const release = await run({
    tool: "apt-ftparchive",
    args: [...options, "release", suite],
    cwd: dir,
    signal,
  });
  await writeFile(join(suite, "Release"), release);
}
