/** The root file system of the lab's machines: Debian from packages, made to resemble Hetzner's image. */
import { readdirSync, readFileSync } from "node:fs";
import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { cached, type Progress, recipeKey } from "./cache.ts";
import { run } from "./command.ts";
import { hostTargets, machineSources, SUITE } from "./debian-sources.ts";

/** What the program relies on in Hetzner's `debian-13`, on top of Debian's required packages. */
export const ROOTFS_PACKAGES = [
  "ca-certificates",
  "cloud-init",
  "curl",
  "dbus",
  "iproute2",
  "iputils-ping",
  "kmod",
  "less",
  "netbase",
  "openssh-server",
  "procps",
  "python3",
  "sudo",
  "systemd",
  "systemd-sysv",
] as const;

/** Script and files that make a fresh tree into the image. */
const RECIPE_DIR = join(import.meta.dirname, "rootfs");
const CUSTOMIZE = join(RECIPE_DIR, "customize.sh");

const MMDEBSTRAP_ARGS = [
  "--mode=root",
  "--variant=minbase",
  "--format=directory",
  "--architectures=amd64",
] as const;

export interface RootfsBuild {
  readonly cacheDir: string;
  readonly onProgress: Progress;
  /** Receives the tools' own output. */
  readonly log: (line: string) => void;
  /**
   * Any text; another one builds a new image with the packages of the day.
   * @default - the image is kept until its recipe changes
   */
  readonly edition?: string | undefined;
  readonly signal?: AbortSignal | undefined;
}

/** An image in the cache. */
export interface Rootfs {
  /** Hash of the recipe. */
  readonly key: string;
  /**
   * The tree. Machines use it as the lower layer of an overlay: nothing may ever write to it. Beside it lies
   * `packages.txt`, the versions in it.
   */
  readonly dir: string;
}

/** Builds the image, or finds it in the cache. Needs root. */
export async function buildRootfs(options: RootfsBuild): Promise<Rootfs> {
  const key = recipeKey({
    suite: SUITE,
    packages: ROOTFS_PACKAGES,
    args: MMDEBSTRAP_ARGS,
    files: recipeFiles(),
    edition: options.edition ?? "",
  });
  const dir = await cached({
    cacheDir: options.cacheDir,
    name: "rootfs",
    key,
    describe: `building the machines' Debian (${SUITE}) with mmdebstrap (about a minute)`,
    onProgress: options.onProgress,
    build: (target) => debootstrap(target, options),
  });
  return { key, dir: join(dir, "root") };
}

/** Path and text of each file of the recipe. */
function recipeFiles(): readonly string[] {
  const paths = readdirSync(RECIPE_DIR, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name))
    .sort();
  return paths.flatMap((path) => [path.slice(RECIPE_DIR.length), readFileSync(path, "utf8")]);
}

async function debootstrap(dir: string, options: RootfsBuild): Promise<void> {
  const { log, signal } = options;
  const root = join(dir, "root");
  const sources = machineSources(await hostTargets(signal));
  await mkdir(root);
  await run({
    tool: "mmdebstrap",
    args: [
      ...MMDEBSTRAP_ARGS,
      `--include=${ROOTFS_PACKAGES.join(",")}`,
      `--customize-hook=${CUSTOMIZE}`,
      SUITE,
      root,
      "-",
    ],
    // By standard input: a mirror's URI may hold a password.
    input: `${sources.join("\n")}\n`,
    log,
    signal,
  });
  const query = ["--show", `--admindir=${join(root, "var/lib/dpkg")}`];
  await writeFile(join(dir, "packages.txt"), await run({ tool: "dpkg-query", args: query, signal }));
}
