/** The lab's own k3s: one executable, built from `lab/k3s` with its tools inside. */
import { createHash } from "node:crypto";
import { createReadStream } from "node:fs";
import { readdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { pipeline } from "node:stream/promises";
import { kubernetesVersion } from "../../lib/version.ts";
import { VERSIONS } from "../../plan/versions.ts";
import { cached, recipeKey } from "./cache.ts";
import { run } from "./command.ts";
import { buildK3sTools, type K3sTools, type K3sToolsBuild } from "./k3s-tools.ts";

const SOURCE_DIR = join(import.meta.dirname, "../k3s");
/** Empty in the repository; the real archive is laid over it. */
const PLACEHOLDER = join(SOURCE_DIR, "internal/tools/tools.tar.gz");
const BUILD_ENV = { CGO_ENABLED: "0", GOOS: "linux", GOARCH: "amd64" } as const;
const VERSION_PACKAGE = "k8s.io/component-base/version";
const VERSION = /^v(\d+)\.(\d+)\.\d+$/;

export interface K3sBuild extends K3sToolsBuild {
  /**
   * What the program calls itself, `v1.36.6`; the code stays the same. For tests of upgrades.
   * @default the version of Kubernetes that it is built from
   */
  readonly version?: string;
}

/** An executable in the cache. */
export interface K3sExecutable {
  /** `v1.36.5` */
  readonly version: string;
  /** `k3s-v1.36.5` */
  readonly fileName: string;
  readonly file: string;
  /** Lower-case hex. */
  readonly sha256: string;
}

/** The version of Kubernetes in the lab: production's without K3s's own suffix. */
export const LAB_K3S_VERSION = `v${kubernetesVersion(VERSIONS.k3s)}`;

/** Builds the executable, or finds it in the cache. Needs root. */
export async function buildK3s(options: K3sBuild): Promise<K3sExecutable> {
  const version = options.version ?? LAB_K3S_VERSION;
  const flags = buildFlags(version);
  const tools = await buildK3sTools(options);
  const go = await run({ tool: "go", args: ["env", "GOVERSION"], cwd: SOURCE_DIR, signal: options.signal });
  const fileName = `k3s-${version}`;
  const dir = await cached({
    cacheDir: options.cacheDir,
    name: "k3s",
    key: recipeKey({ files: await sourceFiles(), tools: tools.key, go: go.trim(), flags }),
    describe: `building k3s ${version} with go build (15 s; 6-12 min with an empty Go cache)`,
    onProgress: options.onProgress,
    async build(target) {
      await checkModules(options.signal);
      const file = join(target, fileName);
      await compile(file, tools, flags, options);
      await writeFile(`${file}.sha256`, `${await hashOf(file)}  ${fileName}\n`);
    },
  });
  const file = join(dir, fileName);
  return { version, fileName, file, sha256: (await readFile(`${file}.sha256`, "utf8")).slice(0, 64) };
}

/** No debug tables: three machines download this. The version is in these flags and nowhere else. */
function buildFlags(version: string): readonly string[] {
  const [, major, minor] = VERSION.exec(version) ?? [];
  if (!major || !minor) throw new Error(`k3s: version is ${version}, wanted the form v1.36.5`);
  const stamps = { gitVersion: version, gitMajor: major, gitMinor: minor, gitTreeState: "clean" };
  const set = Object.entries(stamps).map(([name, value]) => `-X ${VERSION_PACKAGE}.${name}=${value}`);
  const fixed = ["-trimpath", "-buildvcs=false", "-mod=readonly", "-p=2"];
  return [...fixed, `-ldflags=${["-s", "-w", ...set].join(" ")}`];
}

/** Names and texts of all that is compiled in. */
async function sourceFiles(): Promise<readonly string[]> {
  const entries = await readdir(SOURCE_DIR, { recursive: true });
  const names = entries.filter((name) => /(?<!_test)\.go$|\.yaml$|^go\.(mod|sum)$/.test(name)).sort();
  const texts = await Promise.all(names.map((name) => readFile(join(SOURCE_DIR, name), "utf8")));
  return names.flatMap((name, i) => [name, texts[i] ?? ""]);
}

/** A stamp proves nothing: what counts is the module that is compiled. */
async function checkModules(signal?: AbortSignal): Promise<void> {
  const args = ["list", "-mod=readonly", "-m", "-f", "{{.Version}}", "k8s.io/kubernetes"];
  const got = (await run({ tool: "go", args, cwd: SOURCE_DIR, signal })).trim();
  if (got === LAB_K3S_VERSION) return;
  throw new Error(
    `lab/k3s/go.mod has k8s.io/kubernetes ${got}, wanted ${LAB_K3S_VERSION}; change it there, change all ` +
      `k8s.io/* v0.${got.replace(/^v\d+\./, "")} likewise, and run: go mod tidy`,
  );
}

async function compile(
  file: string,
  tools: K3sTools,
  flags: readonly string[],
  options: K3sBuild,
): Promise<void> {
  const { log, signal } = options;
  const overlay = `${file}.overlay.json`;
  await writeFile(overlay, JSON.stringify({ Replace: { [PLACEHOLDER]: tools.file } }));
  const args = ["build", ...flags, `-overlay=${overlay}`, "-o", file, "."];
  await run({ tool: "go", args, cwd: SOURCE_DIR, env: BUILD_ENV, log, signal });
}

async function hashOf(file: string): Promise<string> {
  const hash = createHash("sha256");
  await pipeline(createReadStream(file), hash);
  return hash.digest("hex");
}
