/** What the builds need on this machine. */
import { spawnSync } from "node:child_process";
import { accessSync, constants } from "node:fs";
import { delimiter, join } from "node:path";
import { KEYRING } from "./debian-sources.ts";

/** Something that is not there. */
export interface MissingTool {
  /** Command or file; with the version wanted and got if it is there but too old. */
  readonly tool: string;
  /** Debian package that brings it; undefined where Debian has none that is new enough. */
  readonly package?: string;
}

/** Command by Debian package. */
const COMMANDS = {
  mmdebstrap: "mmdebstrap",
  "apt-get": "apt",
  "apt-ftparchive": "apt-utils",
  gpg: "gpg",
  gpgconf: "gpgconf",
  "gpg-agent": "gpg-agent",
  flock: "util-linux",
  setpriv: "util-linux",
  unshare: "util-linux",
  tar: "tar",
  "dpkg-deb": "dpkg",
  setcap: "libcap2-bin",
  chroot: "coreutils",
  pip3: "python3-pip",
} as const;

const FILES = { [KEYRING]: "debian-archive-keyring" } as const;

/** What the modules ask for. */
const GO_VERSION = [1, 26] as const;

/** Everything that the builds need and this machine lacks; empty when they can start. */
export function missingTools(env: Readonly<Record<string, string | undefined>> = process.env): MissingTool[] {
  const path = env["PATH"] ?? "";
  const commands = Object.entries(COMMANDS)
    .filter(([tool]) => !findCommand(tool, path))
    .map(([tool, pkg]) => ({ tool, package: pkg }));
  const files = Object.entries(FILES)
    .filter(([file]) => !usable(file, constants.R_OK))
    .map(([tool, pkg]) => ({ tool, package: pkg }));
  return [...commands, ...files, ...missingGo(path)];
}

function usable(file: string, mode: number): boolean {
  try {
    accessSync(file, mode);
    return true;
  } catch {
    return false;
  }
}

function findCommand(name: string, path: string): string | undefined {
  return path
    .split(delimiter)
    .map((dir) => join(dir, name))
    .find((file) => usable(file, constants.X_OK));
}

function missingGo(path: string): MissingTool[] {
  const wanted = `go ${GO_VERSION.join(".")} or newer`;
  const go = findCommand("go", path);
  if (!go) return [{ tool: wanted }];
  const got = spawnSync(go, ["env", "GOVERSION"], { encoding: "utf8" }).stdout?.trim() ?? "";
  return newEnough(got) ? [] : [{ tool: `${wanted} (found ${got || "one that doesn't run"})` }];
}

/** @param version as Go states it: `go1.26.8`, `go1.27rc1` */
export function newEnough(version: string): boolean {
  const match = /^go(\d+)\.(\d+)/.exec(version);
  if (!match) return false;
  const [major, minor] = [Number(match[1]), Number(match[2])];
  return major > GO_VERSION[0] || (major === GO_VERSION[0] && minor >= GO_VERSION[1]);
}
