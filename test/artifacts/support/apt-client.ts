/** A Debian machine's apt, as far as this host's apt can play it: the image's package states, one source. */
import { execFile } from "node:child_process";
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";

export interface AptClient {
  /** Runs `apt-get`; resolves to its exit code and everything it printed. */
  get(...args: string[]): Promise<{ code: number; output: string }>;
  /** Where downloaded packages are. */
  readonly archives: string;
}

/**
 * @param dir an empty folder for the client's state
 * @param rootfs the image whose package states it has
 * @param source an entry of sources.list
 */
export function aptClient(dir: string, rootfs: string, source: string): AptClient {
  const archives = join(dir, "cache/archives");
  mkdirSync(join(dir, "state/lists/partial"), { recursive: true });
  mkdirSync(join(archives, "partial"), { recursive: true });
  writeFileSync(join(dir, "sources.list"), `${source}\n`);
  const settings = [
    `Dir::State "${join(dir, "state")}";`,
    `Dir::State::status "${join(rootfs, "var/lib/dpkg/status")}";`,
    `Dir::Cache "${join(dir, "cache")}";`,
    `Dir::Etc::sourcelist "${join(dir, "sources.list")}";`,
    ...["parts", "main", "sourceparts", "preferences", "preferencesparts"].map(
      (name) => `Dir::Etc::${name} "/dev/null";`,
    ),
    'APT::Architecture "amd64";',
    'APT::Sandbox::User "root";',
  ];
  writeFileSync(join(dir, "client.conf"), settings.join("\n"));
  const env = { PATH: process.env["PATH"], APT_CONFIG: join(dir, "client.conf"), LC_ALL: "C.UTF-8" };
  return {
    archives,
    get: (...args) =>
      new Promise((resolve) => {
        execFile("apt-get", args, { env }, (error, stdout, stderr) => {
          resolve({ code: Number(error?.code ?? 0), output: stdout + stderr });
        });
      }),
  };
}
