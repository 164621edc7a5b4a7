/** The folder that the lab serves as "the internet": copies of what is in the cache, and the manifest. */
import { constants } from "node:fs";
import { copyFile, mkdir, readdir, rename, rm, writeFile } from "node:fs/promises";
import { dirname, join, relative } from "node:path";
import { readRepositoryFile } from "../../lib/repository-file.ts";
import type { Artifact, Manifest } from "../../plan/artifacts.ts";
import { LAB_NET } from "../addresses.ts";
import type { AptRepository } from "./apt-repository.ts";
import type { EtcdTarball } from "./etcd.ts";
import type { ImageBundle } from "./images.ts";
import type { K3sExecutable } from "./k3s.ts";

/** Path of the package repository below the served folder. */
const APT_PATH = "debian";

/** What Kubernetes needs. */
export interface KubernetesParts {
  readonly k3s: K3sExecutable;
  readonly images: ImageBundle;
}

/** What the served folder is made of. */
export interface Parts {
  readonly etcd: EtcdTarball;
  readonly apt: AptRepository;
  /** @default - not served; the manifest then holds placeholders, for a stack that ends with its hosts */
  readonly kubernetes?: KubernetesParts | undefined;
}

/** Where things are in the served folder. */
export interface Layout {
  readonly manifestFile: string;
  readonly aptKeyFile: string;
}

/** A file of the cache, as the nodes download it. */
interface Download {
  readonly version: string;
  readonly fileName: string;
  readonly file: string;
  readonly sha256: string;
}

const downloads = ({ etcd, kubernetes }: Parts) => ({
  etcd,
  ...(kubernetes && { k3s: kubernetes.k3s, k3sImages: kubernetes.images }),
});

const artifact = (name: string, { version, fileName, sha256 }: Download): Artifact => ({
  version,
  url: `http://${LAB_NET.artifactIp}/${name}/${fileName}`,
  sha256,
});

/** The manifest that the program reads: same form as production's `artifacts/upstream.json`. */
function labManifest(parts: Parts): Manifest {
  const unbuilt = JSON.parse(readRepositoryFile("lab/placeholders/manifest.json")) as Manifest;
  const built = Object.entries<Download>(downloads(parts)).map(([name, each]) => [
    name,
    artifact(name, each),
  ]);
  // What the lab never runs is not among those it has built.
  const images = parts.kubernetes && {
    images: { ...unbuilt.images, ...parts.kubernetes.images.references },
  };
  return { ...unbuilt, ...Object.fromEntries(built), ...images };
}

/**
 * Makes `outDir` hold exactly the given artifacts. Each file is replaced whole, so that a server may go on
 * serving meanwhile; files are copies, so that whoever damages one damages this lab only.
 */
export async function layOut(outDir: string, parts: Parts): Promise<Layout> {
  const copies = new Map<string, string>(
    Object.entries<Download>(downloads(parts)).map(([name, each]) => [`${name}/${each.fileName}`, each.file]),
  );
  for (const path of await filesBelow(parts.apt.dir)) {
    copies.set(join(APT_PATH, path), join(parts.apt.dir, path));
  }
  for (const [path, source] of copies) {
    await replace(join(outDir, path), (file) => copyFile(source, file, constants.COPYFILE_FICLONE));
  }
  const manifest = `${JSON.stringify(labManifest(parts), undefined, 2)}\n`;
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
