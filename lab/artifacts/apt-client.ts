/** An apt of the lab's own: it reads the machines' release from the host's mirrors, and nothing else of the host's. */
import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { run } from "./command.ts";
import { hostTargets, machineSources } from "./debian-sources.ts";

export interface AptClient {
  /** Set this for every call of apt-get. */
  readonly env: Readonly<Record<string, string>>;
  /** Where apt-get puts the packages that it downloads for an installation. */
  readonly archives: string;
}

export interface AptClientOptions {
  /** An empty folder to work in; remove it afterwards. */
  readonly work: string;
  /** Which packages count as installed: a dpkg status file, or /dev/null. */
  readonly statusFile: string;
  /** Receives the tools' own output. */
  readonly log: (line: string) => void;
  readonly signal?: AbortSignal | undefined;
}

/** Sets it up and reads the package lists, signatures checked. Needs root. */
export async function aptClient(options: AptClientOptions): Promise<AptClient> {
  const { work, log, signal } = options;
  const archives = join(work, "cache/archives");
  await mkdir(join(work, "state/lists/partial"), { recursive: true });
  await mkdir(join(archives, "partial"), { recursive: true });
  const sources = machineSources(await hostTargets(signal));
  // 0600: a mirror's URI may hold a password.
  await writeFile(join(work, "sources.list"), `${sources.join("\n")}\n`, { mode: 0o600 });
  await writeFile(join(work, "first.conf"), `Dir::Etc::main "${join(work, "last.conf")}";\n`);
  await writeFile(join(work, "last.conf"), aptConfig(work, options.statusFile));
  const env = { APT_CONFIG: join(work, "first.conf"), DEBIAN_FRONTEND: "noninteractive" };
  await run({ tool: "apt-get", args: ["update", "--error-on=any"], env, log, signal });
  return { env, archives };
}

/** apt reads it after the host's own settings (proxies, certificates …), which stay in force otherwise. */
function aptConfig(work: string, statusFile: string): string {
  const settings = {
    "Dir::State": join(work, "state"),
    "Dir::State::status": statusFile,
    "Dir::Cache": join(work, "cache"),
    "Dir::Etc::sourcelist": join(work, "sources.list"),
    "Dir::Etc::sourceparts": "/dev/null",
    "Dir::Etc::preferences": "/dev/null",
    "Dir::Etc::preferencesparts": "/dev/null",
    "APT::Architecture": "amd64",
    // The cache folder is closed to apt's download user.
    "APT::Sandbox::User": "root",
  };
  const hooks = ["APT::Update::Pre-Invoke", "APT::Update::Post-Invoke", "APT::Update::Post-Invoke-Success"];
  const cleared = [...hooks, "APT::Architectures"].map((name) => `#clear ${name};`);
  const set = Object.entries(settings).map(([name, value]) => `${name} "${value}";`);
  return `${[...cleared, ...set].join("\n")}\n`;
}
