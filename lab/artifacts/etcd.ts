/** etcd, built from the Go module proxy and packed as upstream packs a release. */
import { createHash } from "node:crypto";
import { mkdir, readFile, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { VERSIONS } from "../../plan/versions.ts";
import { cached, type Progress, recipeKey } from "./cache.ts";
import { run } from "./command.ts";

const MODULE_DIR = join(import.meta.dirname, "go/etcd");

/** Main packages by the name of the command. */
const COMMANDS = {
  etcd: "go.etcd.io/etcd/server/v3",
  etcdctl: "go.etcd.io/etcd/etcdctl/v3",
  etcdutl: "go.etcd.io/etcd/etcdutl/v3",
} as const;

/** No debug tables: three machines download this. */
const BUILD_FLAGS = ["-trimpath", "-mod=readonly", "-ldflags=-s -w"] as const;
const BUILD_ENV = { CGO_ENABLED: "0", GOOS: "linux", GOARCH: "amd64" } as const;

/** A release tarball in the cache. */
export interface EtcdTarball {
  readonly version: string;
  /** Upstream's name: `etcd-v3.6.16-linux-amd64.tar.gz`. */
  readonly fileName: string;
  readonly file: string;
  /** Lower-case hex. */
  readonly sha256: string;
}

export interface EtcdBuild {
  readonly cacheDir: string;
  readonly onProgress: Progress;
  /** Receives the tools' own output. */
  readonly log: (line: string) => void;
  readonly signal?: AbortSignal | undefined;
}

/** Builds the tarball, or finds it in the cache. */
export async function buildEtcd(options: EtcdBuild): Promise<EtcdTarball> {
  const folder = `etcd-v${VERSIONS.etcd}-linux-amd64`;
  const fileName = `${folder}.tar.gz`;
  const dir = await cached({
    cacheDir: options.cacheDir,
    name: "etcd",
    key: await etcdKey(options.signal),
    describe: `building etcd ${VERSIONS.etcd} with go build (10 s; 1-2 min with an empty Go cache)`,
    onProgress: options.onProgress,
    async build(target) {
      await compile(join(target, folder), options);
      await pack(target, folder, options);
    },
  });
  const sha256 = (await readFile(join(dir, `${fileName}.sha256`), "utf8")).slice(0, 64);
  return {
    version: VERSIONS.etcd,
    fileName,
    file: join(dir, fileName),
    sha256,
  };
}

async function etcdKey(signal?: AbortSignal): Promise<string> {
  const [mod, sum, go] = await Promise.all([
    readFile(join(MODULE_DIR, "go.mod"), "utf8"),
    readFile(join(MODULE_DIR, "go.sum"), "utf8"),
    run({ tool: "go", args: ["env", "GOVERSION"], cwd: MODULE_DIR, signal }),
  ]);
  return recipeKey({ version: VERSIONS.etcd, mod, sum, go: go.trim(), flags: BUILD_FLAGS });
}

async function compile(dir: string, options: EtcdBuild): Promise<void> {
  await mkdir(dir);
  for (const [name, main] of Object.entries(COMMANDS)) {
    options.onProgress(`etcd: compiling ${name}`);
    await run({
      tool: "go",
      args: ["build", ...BUILD_FLAGS, "-o", join(dir, name), main],
      cwd: MODULE_DIR,
      env: BUILD_ENV,
      log: options.log,
      signal: options.signal,
    });
  }
  const stated = await run({ tool: join(dir, "etcd"), args: ["--version"], signal: options.signal });
  const got = /^etcd Version: (\S+)/.exec(stated)?.[1];
  if (got === VERSIONS.etcd) return;
  throw new Error(
    `lab/artifacts/go/etcd/go.mod builds etcd ${got}, wanted ${VERSIONS.etcd}; ` +
      `in that folder run: ${Object.values(COMMANDS)
        .map((main) => `go get -tool ${main}@v${VERSIONS.etcd}`)
        .join(" && ")} && go mod tidy`,
  );
}

/** The same programs give the same bytes: order, owner, modes and times are fixed, and gzip stores no name. */
async function pack(dir: string, folder: string, options: EtcdBuild): Promise<void> {
  const file = join(dir, `${folder}.tar.gz`);
  const fixed = [
    "--sort=name",
    "--mtime=@0",
    "--owner=0",
    "--group=0",
    "--numeric-owner",
    "--mode=u=rwX,go=rX",
  ];
  await run({
    tool: "tar",
    args: ["--create", "--gzip", "--file", file, ...fixed, "--directory", dir, folder],
    signal: options.signal,
  });
  const sha256 = createHash("sha256")
    .update(await readFile(file))
    .digest("hex");
  await writeFile(`${file}.sha256`, `${sha256}  ${folder}.tar.gz\n`);
  await rm(join(dir, folder), { recursive: true });
}
