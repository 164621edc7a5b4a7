/** Builds the trees of the program's own images with mmdebstrap, as the Dockerfiles in `images/` do with apt. */
import { existsSync } from "node:fs";
import { chmod, cp, mkdir, readFile, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { cached, recipeKey } from "./cache.ts";
import { run } from "./command.ts";
import {
  DEBIAN_IMAGES,
  type DebianImage,
  type DebianImageName,
  IMAGES_DIR,
  imagePackages,
  recipeFiles,
} from "./debian-recipes.ts";
import { hostTargets, machineSources, SUITE } from "./debian-sources.ts";
import type { ImageSource } from "./oci-image.ts";
import type { RootfsBuild } from "./rootfs.ts";

const MMDEBSTRAP_ARGS = [
  "--mode=root",
  "--variant=essential",
  "--format=directory",
  "--architectures=amd64",
] as const;

/** Before the packages, and after apt has its configuration. Paths and names come by the environment. */
const SETUP_HOOK =
  'if [ -e "$RECIPE/preferences" ]; then install -D -m 0644 "$RECIPE/preferences" "$1/etc/apt/preferences.d/image"; fi';
const PREPARE_HOOK = 'chroot "$1" /bin/sh -s -- "$IMAGE_USER" "$IMAGE_HOME" <"$PREPARE"';

/** Of the suite, which need not be this machine's. */
const PYTHON_VERSION = "3.13";

/** Where Debian's Python looks first of all. */
const PYTHON_DIR = "usr/lib/python3/dist-packages";

/** An image's tree in the cache. */
export interface DebianImageTree {
  /** Hash of the recipe. */
  readonly key: string;
  /**
   * The root file system: nothing may ever write to it. Beside it lies `packages.txt`, the versions that were
   * installed, those that were taken away again included.
   */
  readonly dir: string;
}

/**
 * Builds the tree of one image, or finds it in the cache: `chroot` into it runs the image's programs. Needs root and
 * what `missingTools` looks for.
 */
export async function buildDebianImageTree(
  name: DebianImageName,
  options: RootfsBuild,
): Promise<DebianImageTree> {
  const image: DebianImage = DEBIAN_IMAGES[name];
  const key = recipeKey({
    suite: SUITE,
    args: [...MMDEBSTRAP_ARGS, SETUP_HOOK, PREPARE_HOOK, ...image.user],
    files: recipeFiles(name),
    edition: options.edition ?? "",
  });
  const dir = await cached({
    cacheDir: options.cacheDir,
    name: `image-${name}`,
    key,
    describe: `building the image ${name} from Debian packages with mmdebstrap (15-100 s)`,
    onProgress: options.onProgress,
    build: (target) => build(target, name, options),
  });
  return { key, dir: join(dir, "root") };
}

/** All of them as they go into the bundle. One after the other. */
export async function debianImageSources(options: RootfsBuild): Promise<readonly ImageSource[]> {
  const sources: ImageSource[] = [];
  for (const name of Object.keys(DEBIAN_IMAGES) as DebianImageName[]) {
    const { dir } = await buildDebianImageTree(name, options);
    const { name: reference, config } = DEBIAN_IMAGES[name];
    sources.push({ name: reference, tree: dir, config });
  }
  return sources;
}

async function build(dir: string, name: DebianImageName, { log, signal }: RootfsBuild): Promise<void> {
  const root = join(dir, "root");
  const image: DebianImage = DEBIAN_IMAGES[name];
  const { recipe } = image;
  const [user, home] = image.user;
  const sources = machineSources(await hostTargets(signal));
  await mkdir(root);
  await chmod(root, 0o755);
  await run({
    tool: "mmdebstrap",
    args: [
      ...MMDEBSTRAP_ARGS,
      `--include=${imagePackages(name).join(",")}`,
      `--setup-hook=${SETUP_HOOK}`,
      `--essential-hook=${PREPARE_HOOK}`,
      SUITE,
      root,
      "-",
    ],
    env: { RECIPE: recipe, PREPARE: join(IMAGES_DIR, "prepare.sh"), IMAGE_USER: user, IMAGE_HOME: home },
    // By standard input: a mirror's URI may hold a password.
    input: `${[...sources, ...unstableSources(recipe, sources)].join("\n")}\n`,
    log,
    signal,
  });
  const query = ["--show", `--admindir=${join(root, "var/lib/dpkg")}`];
  await writeFile(join(dir, "packages.txt"), await run({ tool: "dpkg-query", args: query, signal }));
  await addFiles(image, root, { log, signal });
  // In the tree, so that nothing it removes can be this machine's.
  const finish = await readFile(join(IMAGES_DIR, "finish.sh"), "utf8");
  const env = { PATH: "/usr/sbin:/usr/bin:/sbin:/bin" };
  await run({ tool: "chroot", args: [root, "/bin/sh", "-s"], env, input: finish, log, signal });
  // What mmdebstrap copied from this machine.
  for (const file of ["etc/resolv.conf", "etc/hostname"]) await rm(join(root, file), { force: true });
}

/** Preferences say which packages come from there. A mirror that stands still for more than a week will do for a lab. */
function unstableSources(recipe: string, sources: readonly string[]): readonly string[] {
  if (!existsSync(join(recipe, "preferences"))) return [];
  const suffix = ` ${SUITE} main`;
  return sources
    .filter((source) => source.endsWith(suffix))
    .map(
      (source) => `${source.slice(0, -suffix.length).replace("]", " check-valid-until=no]")} unstable main`,
    );
}

/** Files of our own, and Python packages by their checksums. */
async function addFiles(
  { recipe, content = {} }: DebianImage,
  root: string,
  { log, signal }: Pick<RootfsBuild, "log" | "signal">,
): Promise<void> {
  if (existsSync(join(recipe, "files"))) await cp(join(recipe, "files"), root, { recursive: true });
  for (const [from, to] of Object.entries(content)) {
    await cp(join(recipe, from), join(root, to), {
      recursive: true,
      filter: (path) => !path.endsWith("__pycache__"),
    });
  }
  const requirements = join(recipe, "requirements.txt");
  if (!existsSync(requirements)) return;
  const target = join(root, PYTHON_DIR);
  const flags = ["--require-hashes", "--no-deps", "--only-binary=:all:", "--no-compile", "--no-cache-dir"];
  const python = `--python-version=${PYTHON_VERSION}`;
  const quiet = ["--root-user-action=ignore", "--disable-pip-version-check"];
  const args = ["install", ...flags, python, ...quiet, `--target=${target}`, "--requirement", requirements];
  await run({ tool: "pip3", args, log, signal });
  // Its commands name this machine's Python; ours are among the files.
  await rm(join(target, "bin"), { recursive: true });
}
