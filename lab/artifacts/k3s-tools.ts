/** The programs that the lab's k3s carries inside, as K3s does: containerd, runc, CNI plugins, iptables, ipset. */
import { copyFile, cp, mkdir, readdir, readFile, rm, symlink } from "node:fs/promises";
import { join } from "node:path";
import { aptClient } from "./apt-client.ts";
import { cached, recipeKey } from "./cache.ts";
import { run } from "./command.ts";
import { SUITE } from "./debian-sources.ts";
import type { GoProgramBuild } from "./go-program.ts";

const MODULES_DIR = join(import.meta.dirname, "go");
const WRAPPER = join(import.meta.dirname, "k3s-tools/run.sh");
const BUILD_ENV = { CGO_ENABLED: "0", GOOS: "linux", GOARCH: "amd64" } as const;
const BUILD_FLAGS = ["-trimpath", "-buildvcs=false", "-mod=readonly", "-p=2"] as const;

/** Modules whose `tool` lines name the programs; each program is called as its package's folder. */
const GO_MODULES = ["containerd", "cni"] as const;

/** Debian's packages with the programs and with the libraries that the machines' image may lack. */
const PACKAGES = [
  "conntrack",
  "ipset",
  "iptables",
  "libip4tc2",
  "libip6tc2",
  "libipset13t64",
  "libmnl0",
  "libnetfilter-conntrack3",
  "libnfnetlink0",
  "libnftnl11",
  "libxtables12",
  "runc",
] as const;

const LIBRARIES = /^lib(ip4tc|ip6tc|ipset|mnl|netfilter_conntrack|nfnetlink|nftnl|xtables)\.so\.\d+$/;
const WRAPPED = ["conntrack", "ipset", "xtables-nft-multi"] as const;
/** Raise when the layout below changes: it is part of the cache key. */
const LAYOUT = "1";

export interface K3sToolsBuild extends GoProgramBuild {
  /** See `RootfsBuild.edition`. */
  readonly edition?: string | undefined;
}

/** The archive in the cache. */
export interface K3sTools {
  /** Hash of the recipe. */
  readonly key: string;
  /** `bin`, `lib` and `libexec`, as they are unpacked below `data/HASH`. */
  readonly file: string;
}

/** Builds and collects them, or finds the archive in the cache. Needs root. */
export async function buildK3sTools(options: K3sToolsBuild): Promise<K3sTools> {
  const key = await toolsKey(options);
  const dir = await cached({
    cacheDir: options.cacheDir,
    name: "k3s-tools",
    key,
    describe:
      "building containerd and CNI plugins, downloading runc, iptables and ipset (20 s; 2-3 min cold)",
    onProgress: options.onProgress,
    async build(target) {
      const tree = join(target, "tree");
      for (const folder of ["bin", "lib", "libexec"]) await mkdir(join(tree, folder), { recursive: true });
      for (const name of GO_MODULES) await compile(name, join(tree, "bin"), options);
      await addDebianTools(join(target, "work"), tree, options);
      await pack(target, tree, options);
    },
  });
  return { key, file: join(dir, "tools.tar.gz") };
}

async function toolsKey({ edition = "", signal }: K3sToolsBuild): Promise<string> {
  const files = GO_MODULES.flatMap((name) =>
    ["go.mod", "go.sum"].map((file) => join(MODULES_DIR, name, file)),
  );
  const texts = await Promise.all([...files, WRAPPER].map((file) => readFile(file, "utf8")));
  const go = await run({ tool: "go", args: ["env", "GOVERSION"], cwd: join(MODULES_DIR, "cni"), signal });
  const fixed = { layout: LAYOUT, suite: SUITE, edition, flags: BUILD_FLAGS, packages: PACKAGES };
  return recipeKey({ ...fixed, files: texts, go: go.trim() });
}

async function compile(name: string, bin: string, options: K3sToolsBuild): Promise<void> {
  const cwd = join(MODULES_DIR, name);
  const { log, signal } = options;
  const version = "{{with .Module}}{{.Path}} {{.Version}}{{end}}";
  const listed = await run({ tool: "go", args: ["list", "-f", version, "tool"], cwd, signal });
  const [module = "", stamp = ""] = (listed.split("\n")[0] ?? "").split(" ");
  options.onProgress(`k3s-tools: compiling ${name} ${stamp}`);
  const ldflags = `-s -w -X ${module}/version.Version=${stamp.replace(/^v/, "")}`;
  const args = ["build", ...BUILD_FLAGS, `-ldflags=${ldflags}`, "-o", `${bin}/`, "tool"];
  await run({ tool: "go", args, cwd, env: BUILD_ENV, log, signal });
}

/** Debian's own programs. Those of the network come with their libraries; runc's are in the machines' image. */
async function addDebianTools(work: string, tree: string, options: K3sToolsBuild): Promise<void> {
  const { log, signal } = options;
  const unpacked = join(work, "unpacked");
  await mkdir(unpacked, { recursive: true });
  const { env } = await aptClient({ work, statusFile: "/dev/null", log, signal });
  await run({ tool: "apt-get", args: ["download", ...PACKAGES], cwd: work, env, log, signal });
  for (const deb of (await readdir(work)).filter((file) => file.endsWith(".deb")))
    await run({ tool: "dpkg-deb", args: ["--extract", join(work, deb), unpacked], log, signal });
  const [bin, lib, libexec] = [join(tree, "bin"), join(tree, "lib"), join(tree, "libexec")];
  const libraries = join(unpacked, "usr/lib/x86_64-linux-gnu");
  await copyFile(join(unpacked, "usr/sbin/runc"), join(bin, "runc"));
  await cp(join(libraries, "xtables"), join(lib, "xtables"), { recursive: true, dereference: true });
  // copyFile follows the links that bear the names which programs look for.
  for (const name of (await readdir(libraries)).filter((file) => LIBRARIES.test(file)))
    await copyFile(join(libraries, name), join(lib, name));
  for (const name of WRAPPED) await copyFile(join(unpacked, "usr/sbin", name), join(libexec, name));
  await copyFile(WRAPPER, join(libexec, "run"));
  const tables = ["iptables", "ip6tables"].flatMap((name) => [name, `${name}-save`, `${name}-restore`]);
  for (const name of ["conntrack", "ipset", ...tables]) await symlink("../libexec/run", join(bin, name));
  await rm(work, { recursive: true });
}

/** The same programs give the same bytes. */
async function pack(target: string, tree: string, { signal }: K3sToolsBuild): Promise<void> {
  const file = join(target, "tools.tar.gz");
  const owner = ["--owner=0", "--group=0", "--numeric-owner"];
  const fixed = ["--sort=name", "--mtime=@0", ...owner, "--mode=u=rwX,go=rX"];
  const args = ["--create", "--gzip", "--file", file, ...fixed, "--directory", tree, "bin", "lib", "libexec"];
  await run({ tool: "tar", args, signal });
  await rm(tree, { recursive: true });
}
