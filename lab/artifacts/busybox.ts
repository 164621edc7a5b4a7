/** The static busybox of Debian's package: shell and tools for helper pods and tests. */
import { mkdir, readdir, readFile, rename, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { aptClient } from "./apt-client.ts";
import { cached, recipeKey } from "./cache.ts";
import { run } from "./command.ts";
import { SUITE } from "./debian-sources.ts";
import type { GoProgramBuild } from "./go-program.ts";

const PACKAGE = "busybox-static";

export interface BusyboxBuild extends GoProgramBuild {
  /** See `RootfsBuild.edition`. */
  readonly edition?: string | undefined;
}

export interface Busybox {
  /** Debian's, fit for an image's tag: `1.37.0-6-b3`. */
  readonly version: string;
  /** The executable. */
  readonly file: string;
  /** Names that it answers to. */
  readonly applets: readonly string[];
}

/** Downloads and unpacks it, or finds it in the cache. Needs root. */
export async function buildBusybox(options: BusyboxBuild): Promise<Busybox> {
  const dir = await cached({
    cacheDir: options.cacheDir,
    name: "busybox",
    key: recipeKey({ suite: SUITE, package: PACKAGE, edition: options.edition ?? "" }),
    describe: `downloading ${PACKAGE} with apt`,
    onProgress: options.onProgress,
    build: (target) => unpack(target, options),
  });
  const [version, applets] = await Promise.all(
    ["version", "applets"].map((name) => readFile(join(dir, name), "utf8")),
  );
  return {
    version: (version ?? "").trim(),
    file: join(dir, "busybox"),
    applets: (applets ?? "").trim().split("\n"),
  };
}

async function unpack(dir: string, { log, signal }: BusyboxBuild): Promise<void> {
  const work = join(dir, "work");
  const tree = join(work, "tree");
  await mkdir(tree, { recursive: true });
  const { env } = await aptClient({ work, statusFile: "/dev/null", log, signal });
  await run({ tool: "apt-get", args: ["download", PACKAGE], cwd: work, env, log, signal });
  const name = (await readdir(work)).find((file) => file.endsWith(".deb"));
  if (!name) throw new Error(`apt-get download ${PACKAGE} left no package`);
  const deb = join(work, name);
  await run({ tool: "dpkg-deb", args: ["--extract", deb, tree], log, signal });
  const version = await run({ tool: "dpkg-deb", args: ["--field", deb, "Version"], signal });
  const file = join(dir, "busybox");
  await rename(join(tree, "usr/bin/busybox"), file);
  await writeFile(join(dir, "version"), `${tagOf(version.trim())}\n`);
  await writeFile(join(dir, "applets"), await run({ tool: file, args: ["--list"], signal }));
  await rm(work, { recursive: true });
}

/**
 * A Debian version as a tag of an image may spell it: no epoch, and `-` for what tags may not hold.
 * @param version `1:1.37.0-6+b3`
 */
export function tagOf(version: string): string {
  return version.replace(/^\d+:/, "").replace(/[^A-Za-z0-9._-]/g, "-");
}
