/**
 * A lab of its own for a test: a copy of this checkout in a temporary folder, so that no test touches the lab of
 * the person who runs it. Built artifacts come from the shared cache.
 */
import { type ChildProcess, execFileSync, spawn } from "node:child_process";
import {
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  realpathSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { text } from "node:stream/consumers";
import { parseDocument } from "yaml";
import type { Profile } from "../../../config/schema.ts";
import { repositoryPath } from "../../../lib/repository-file.ts";
import type { Status } from "../../../ops/status/index.ts";

export interface Outcome {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
  /** Both streams, for error messages of tests. */
  readonly all: string;
}

const STACK_FILE = "Pulumi.lab.yaml";

export class Checkout {
  readonly dir: string;

  /** @param profile how far its labs are built */
  constructor(profile: Profile = "hosts") {
    this.dir = realpathSync(mkdtempSync(join(tmpdir(), "gardenos-e2e-")));
    const listed = execFileSync("git", ["ls-files", "-z", "--cached", "--others", "--exclude-standard"], {
      cwd: repositoryPath("."),
      encoding: "utf8",
    });
    // A file that was removed without telling git is still listed.
    for (const file of listed.split("\0").filter((name) => name !== "" && existsSync(repositoryPath(name)))) {
      mkdirSync(dirname(join(this.dir, file)), { recursive: true });
      cpSync(repositoryPath(file), join(this.dir, file));
    }
    this.shareModules();
    this.decideEngine();
    this.configure(["gardenos:profile"], profile);
  }

  /** The built-in one is tested, whatever the PATH of who tests. */
  private decideEngine(): void {
    mkdirSync(join(this.dir, ".lab"), { mode: 0o700 });
    writeFileSync(join(this.dir, ".lab/lab.json"), JSON.stringify({ engine: "builtin" }));
  }

  /** The packages are links, the folder is not: `make`'s set-up in the copy can't reach those of this checkout. */
  private shareModules(): void {
    const modules = join(this.dir, "node_modules");
    mkdirSync(modules);
    for (const name of readdirSync(repositoryPath("node_modules"))) {
      symlinkSync(join(repositoryPath("node_modules"), name), join(modules, name));
    }
    // Younger than package.json, so that `make` finds nothing to install.
    rmSync(join(modules, ".package-lock.json"), { force: true });
    writeFileSync(join(modules, ".package-lock.json"), "{}\n");
  }

  /** Starts a lab command without waiting for it. The child leads a process group of its own. */
  start(...args: readonly string[]): ChildProcess {
    return this.spawn(args, "ignore");
  }

  private spawn(args: readonly string[], stdin: "ignore" | "pipe"): ChildProcess {
    return spawn(join(this.dir, "node_modules/.bin/node"), ["lab/cli.ts", ...args], {
      cwd: this.dir,
      stdio: [stdin, "pipe", "pipe"],
      detached: true,
    });
  }

  /** Runs a lab command to its end. */
  async lab(...args: readonly string[]): Promise<Outcome> {
    return finished(this.start(...args));
  }

  /** Runs a lab command that must succeed. */
  async must(...args: readonly string[]): Promise<string> {
    const outcome = await this.lab(...args);
    if (outcome.code !== 0)
      throw new Error(`lab ${args.join(" ")} ended with ${outcome.code}:\n${outcome.all}`);
    return outcome.stdout;
  }

  /** Runs a shell command on a node. */
  async on(node: string, command: string): Promise<Outcome> {
    return this.lab("ssh", node, command);
  }

  /** Standard output of a shell command on a node that must succeed. */
  async output(node: string, command: string): Promise<string> {
    return (await this.must("ssh", node, command)).trim();
  }

  /** Writes files on a node, for root only. Their content goes through SSH's standard input. */
  async put(node: string, files: Readonly<Record<string, string>>): Promise<void> {
    const write = Object.entries(files).map(
      ([path, content]) => `mkdir -p ${dirname(path)}; head -c ${Buffer.byteLength(content)} >${path}`,
    );
    const child = this.spawn(["ssh", node, `set -e; umask 077; ${write.join("; ")}`], "pipe");
    child.stdin?.end(Object.values(files).join(""));
    const outcome = await finished(child);
    if (outcome.code !== 0)
      throw new Error(`${Object.keys(files).join(", ")}: not written on ${node}:\n${outcome.all}`);
  }

  async status(): Promise<Status> {
    const outcome = await this.lab("status", "--json");
    return JSON.parse(outcome.stdout);
  }

  /** `up --json`: the result without the screen. */
  async up(): Promise<Outcome & { readonly result: UpResult }> {
    const outcome = await this.lab("up", "--json");
    return { ...outcome, result: outcome.stdout === "" ? NO_RESULT : JSON.parse(outcome.stdout) };
  }

  /** Changes a value of the stack's configuration; the path is that of `pulumi config set --path`. */
  configure(path: readonly (string | number)[], value: unknown): void {
    const file = join(this.dir, STACK_FILE);
    const document = parseDocument(readFileSync(file, "utf8"));
    document.setIn(["config", ...path], value);
    writeFileSync(file, document.toString());
  }

  /** Ends the lab and removes the copy. */
  async dispose(): Promise<void> {
    await this.lab("reset");
    rmSync(this.dir, { recursive: true, force: true });
  }
}

/** What tests read of the engine's result. */
export interface UpResult {
  readonly counts: Readonly<Record<"create" | "update" | "replace" | "delete" | "same", number>>;
  readonly changes: readonly { readonly operation: string; readonly name: string; readonly type: string }[];
  readonly drift: readonly { readonly name: string; readonly gone: boolean }[];
  readonly errors: readonly string[];
}

const NO_RESULT: UpResult = {
  counts: { create: 0, update: 0, replace: 0, delete: 0, same: 0 },
  changes: [],
  drift: [],
  errors: [],
};

export async function finished(child: ChildProcess): Promise<Outcome> {
  const code = new Promise<number>((resolve, reject) => {
    child.once("error", reject);
    child.once("close", (status, signal) => resolve(status ?? (signal ? 137 : 1)));
  });
  const [stdout, stderr] = await Promise.all([
    child.stdout ? text(child.stdout) : "",
    child.stderr ? text(child.stderr) : "",
  ]);
  return { code: await code, stdout, stderr, all: `${stdout}\n${stderr}` };
}

/** Names of resources that a run changed, without those it left alone. */
export function changed(result: UpResult): readonly string[] {
  return result.changes
    .filter((change) => change.operation !== "same")
    .map((change) => `${change.operation} ${change.name}`)
    .sort();
}
