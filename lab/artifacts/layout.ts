/** The folder that the lab serves as "the internet": copies of what is in the cache, and the manifest. */
import { constants } from "node:fs";
import { copyFile, mkdir, readdir, rename, rm, writeFile } from "node:fs/promises";
import { dirname, join, relative } from "node:path";
import type { Manifest } from "../../plan/artifacts.ts";
import { LAB_NET } from "../addresses.ts";
import type { AptRepository } from "./apt-repository.ts";
import type { EtcdTarball } from "./etcd.ts";

/** Path of the package repository below the served folder. */
const APT_PATH = "debian";

/** What the served folder is made of. */
export interface Parts {
  readonly etcd: EtcdTarball;
  readonly apt: AptRepository;
}

/** Where things are in the served folder. */
export interface Layout {
  readonly manifestFile: string;
  readonly aptKeyFile: string;
}

/** The manifest that the program reads: same form as production's `artifacts/upstream.json`. */
function labManifest(etcd: Pick<EtcdTarball, "version" | "fileName" | "sha256">): Manifest {
  const url = `http://${LAB_NET.artifactIp}/etcd/${etcd.fileName}`;
  return { etcd: { version: etcd.version, url, sha256: etcd.sha256 } };
}

/**
 * Makes `outDir` hold exactly the given artifacts. Each file is replaced whole, so that a server may go on
 * serving meanwhile; files are copies, so that whoever damages one damages this lab only.
 */
export async function layOut(outDir: string, parts: Parts): Promise<Layout> {
  const copies = new Map<string, string>([[`etcd/${parts.etcd.fileName}`, parts.etcd.file]]);
  for (const path of await filesBelow(parts.apt.dir)) {
    copies.set(join(APT_PATH, path), join(parts.apt.dir, path));
  }
  for (const [path, source] of copies) {
    await replace(join(outDir, path), (file) => copyFile(source, file, constants.COPYFILE_FICLONE));
  }
  const manifest = `${JSON.stringify(labManifest(parts.etcd), undefined, 2)}\n`;
  await replace(join(outDir, "manifest.json"), (file) => writeFile(file, manifest));
  for (const path of await filesBelow(outDir)) {
    if (!copies.has(path) && path !== "manifest.json") await rm(join(outDir, path));
  }
  return {
    manifestFile: join(outDir, "manifest.json"),
    aptKeyFile: join(outDir, APT_PATH, relative(parts.apt.dir, parts.apt.keyFile)),
  };
}

async function replace(file: string, write: (file: string) => Promise<void>): Promise<void> {
  await mkdir(dirname(file), { recursive: true });
  await write(`${file}.new`);
  await rename(`${file}.new`, file);
}

/** Paths of all files, relative to `dir`. */
async function filesBelow(dir: string): Promise<string[]> {
  const entries = await readdir(dir, { recursive: true, withFileTypes: true });
  return entries
    .filter((entry) => entry.isFile())
    .map((entry) => relative(dir, join(entry.parentPath, entry.name)));
}
