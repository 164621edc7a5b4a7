/** Programs for the lab: one main package of the Go module proxy each, one cache entry each. */
import { readdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import { cached, type Progress, recipeKey } from "./cache.ts";
import { run } from "./command.ts";

const MODULES_DIR = join(import.meta.dirname, "go");
const BUILD_ENV = { CGO_ENABLED: "0", GOOS: "linux", GOARCH: "amd64" } as const;

/** What to compile. */
export interface GoProgram {
  /** Folder below `go/`, kind of cache entry and name of the executable. */
  readonly name: string;
  /** Without "v". */
  readonly version: string;
  /** Module that must have this version; undefined for programs of our own. */
  readonly module?: string;
  /** Import path of the main package. */
  readonly main: string;
  readonly tags?: readonly string[];
  /** Variables that the linker sets, with their values: what upstream's release build stamps. */
  readonly stamps?: Readonly<Record<string, string>>;
  /** How long it takes on two cores, for the progress line. */
  readonly duration: string;
}

export interface GoProgramBuild {
  readonly cacheDir: string;
  readonly onProgress: Progress;
  /** Receives the tools' own output. */
  readonly log: (line: string) => void;
  readonly signal?: AbortSignal | undefined;
}

/**
 * Compiles the program, or finds it in the cache. Resolves to the executable's path.
 * @throws Error that says which `go get` to run when `go.mod` has another version
 */
export async function buildGoProgram(program: GoProgram, options: GoProgramBuild): Promise<string> {
  const cwd = join(MODULES_DIR, program.name);
  const flags = buildFlags(program);
  const go = await run({ tool: "go", args: ["env", "GOVERSION"], cwd, signal: options.signal });
  const dir = await cached({
    cacheDir: options.cacheDir,
    name: program.name,
    key: recipeKey({ files: await recipeFiles(cwd), main: program.main, go: go.trim(), flags }),
    describe: `building ${program.name} ${program.version} with go build (${program.duration})`,
    onProgress: options.onProgress,
    async build(target) {
      await checkVersion(program, cwd, options.signal);
      await run({
        tool: "go",
        args: ["build", ...flags, "-o", join(target, program.name), program.main],
        cwd,
        env: BUILD_ENV,
        log: options.log,
        signal: options.signal,
      });
    },
  });
  return join(dir, program.name);
}

/**
 * No debug tables: three machines import this. No git commit: it would change the bytes of our own programs.
 * Two compilers at most: the lab may be starting meanwhile.
 */
function buildFlags(program: GoProgram): readonly string[] {
  const stamps = Object.entries(program.stamps ?? {}).map(([name, value]) => `-X ${name}=${value}`);
  const tags = program.tags ? [`-tags=${program.tags.join(",")}`] : [];
  const fixed = ["-trimpath", "-buildvcs=false", "-mod=readonly", "-p=2"];
  return [...fixed, ...tags, `-ldflags=${["-s", "-w", ...stamps].join(" ")}`];
}

/** Names and texts of the module's own files. */
async function recipeFiles(dir: string): Promise<readonly string[]> {
  const names = (await readdir(dir)).sort();
  const texts = await Promise.all(names.map((name) => readFile(join(dir, name), "utf8")));
  return names.flatMap((name, i) => [name, texts[i] ?? ""]);
}

/** A stamped version proves nothing: what counts is the module that is compiled. */
async function checkVersion(program: GoProgram, cwd: string, signal?: AbortSignal): Promise<void> {
  if (!program.module) return;
  const args = ["list", "-mod=readonly", "-m", "-f", "{{.Version}}", program.module];
  const got = (await run({ tool: "go", args, cwd, signal })).trim();
  if (got === `v${program.version}`) return;
  throw new Error(
    `lab/artifacts/go/${program.name}/go.mod has ${program.module} ${got}, wanted v${program.version}; ` +
      `in that folder run: go get -tool ${program.main}@v${program.version} && go mod tidy`,
  );
}
