/** Container images without a registry: OCI image layouts whose bytes depend on their content alone. */
import { createHash } from "node:crypto";
import { constants, createReadStream, createWriteStream } from "node:fs";
import {
  chmod,
  copyFile,
  mkdir,
  mkdtemp,
  readdir,
  rename,
  rm,
  stat,
  symlink,
  writeFile,
} from "node:fs/promises";
import { dirname, join } from "node:path";
import { pipeline } from "node:stream/promises";
import { createZstdCompress } from "node:zlib";
import { sha256 } from "../../lib/sha256.ts";
import { run } from "./command.ts";

/** One entry of an image's file system; folders on the way to it come by themselves, mode 0755. */
type ImageEntry =
  /** A copy of a file of this machine, mode 0755; `capabilities` as setcap(8) writes them. */
  | { readonly executable: string; readonly capabilities?: string }
  /** A text file, mode 0644. */
  | { readonly text: string }
  /** A symbolic link. */
  | { readonly link: string }
  /** A folder with its mode. */
  | { readonly folder: number };

/** How the image starts; what is left out is the runtime's default. */
export interface ImageConfig {
  readonly entrypoint?: readonly string[];
  readonly cmd?: readonly string[];
  /** `uid` or `uid:gid`; numeric, or `runAsNonRoot` can't be checked. @default - root */
  readonly user?: string;
  readonly env?: Readonly<Record<string, string>>;
  /** Absolute path. */
  readonly workingDir?: string;
  readonly labels?: Readonly<Record<string, string>>;
  /** `80/tcp`, `53/udp`. */
  readonly exposedPorts?: readonly string[];
}

/** Files by path in the image, without the leading slash; all are root's. */
export type ImageFiles = Readonly<Record<string, ImageEntry>>;

/** What is in an image: single files, or the whole of a folder of this machine with its owners and modes. */
export type ImageSource = {
  /** In full: `docker.io/library/traefik:v3.6.12`. */
  readonly name: string;
  readonly config: ImageConfig;
} & ({ readonly files: ImageFiles } | { readonly tree: string });

/** An image in a layout. */
export interface WrittenImage {
  readonly name: string;
  /** Of the manifest: `sha256:…`. */
  readonly digest: string;
  /** Bytes of the manifest. */
  readonly size: number;
}

const MEDIA = {
  index: "application/vnd.oci.image.index.v1+json",
  manifest: "application/vnd.oci.image.manifest.v1+json",
  config: "application/vnd.oci.image.config.v1+json",
  layer: "application/vnd.oci.image.layer.v1.tar+zstd",
} as const;

const PLATFORM = { architecture: "amd64", os: "linux" } as const;

/** The same tree gives the same bytes: order, times and headers are fixed. */
const TAR_FLAGS = [
  "--format=pax",
  "--pax-option=exthdr.name=%d/PaxHeaders/%f,delete=atime,delete=ctime",
  "--sort=name",
  "--mtime=@0",
  "--numeric-owner",
] as const;

/** Devices are the runtime's: not every machine may make one. */
const NO_DEVICES = ["--anchored", "--exclude=dev/*"] as const;

/** Whoever built it. */
const ROOT_OWNS = ["--owner=0", "--group=0"] as const;

/** File capabilities are part of a layer; whatever else the build machine attaches to files is not. */
const LAYER_FLAGS = ["--xattrs", "--xattrs-include=security.capability"] as const;

/** A pinned reference, as manifests and pods spell it: `name:tag@sha256:digest`. */
export function reference(image: Pick<WrittenImage, "name" | "digest">): string {
  return `${image.name}@${image.digest}`;
}

/** Adds an image's blobs to the layout in `dir`, which {@link writeIndex} completes. Needs root. */
export async function writeImage(
  dir: string,
  image: ImageSource,
  signal?: AbortSignal,
): Promise<WrittenImage> {
  await mkdir(join(dir, "blobs/sha256"), { recursive: true });
  const { diffId, ...layer } = await writeLayer(dir, image, signal);
  const config = await writeJson(dir, {
    ...PLATFORM,
    config: ociConfig(image.config),
    rootfs: { type: "layers", diff_ids: [diffId] },
  });
  const manifest = await writeJson(dir, {
    schemaVersion: 2,
    mediaType: MEDIA.manifest,
    config: { mediaType: MEDIA.config, ...config },
    layers: [{ mediaType: MEDIA.layer, ...layer }],
  });
  return { name: image.name, ...manifest };
}

/**
 * Writes what makes `dir` a layout of these images. Each stands in it under its tag and under its digest: a
 * runtime that is asked for `name:tag@digest` looks for the digest's name only.
 */
export async function writeIndex(dir: string, images: readonly WrittenImage[]): Promise<void> {
  const manifests = images.flatMap(({ name, digest, size }) => {
    const descriptor = { mediaType: MEDIA.manifest, digest, size, platform: PLATFORM };
    const byDigest = `${name.slice(0, name.lastIndexOf(":"))}@${digest}`;
    return [
      {
        ...descriptor,
        annotations: { "io.containerd.image.name": name, "org.opencontainers.image.ref.name": name },
      },
      { ...descriptor, annotations: { "io.containerd.image.name": byDigest } },
    ];
  });
  const index = { schemaVersion: 2, mediaType: MEDIA.index, manifests };
  await writeFile(join(dir, "index.json"), JSON.stringify(index));
  await writeFile(join(dir, "oci-layout"), JSON.stringify({ imageLayoutVersion: "1.0.0" }));
}

/** Packs a layout into one file, which `ctr images import` and K3s's `agent/images` accept. */
export async function packLayout(dir: string, file: string, signal?: AbortSignal): Promise<void> {
  const flags = [...TAR_FLAGS, ...ROOT_OWNS, "--mode=u=rwX,go=rX"];
  const args = ["--create", "--file", file, ...flags, "--directory", dir];
  await run({ tool: "tar", args: [...args, "oci-layout", "index.json", "blobs"], signal });
}

/** Digest and size of a file of any size. */
export async function describeFile(file: string): Promise<{ digest: string; size: number }> {
  const hash = createHash("sha256");
  await pipeline(createReadStream(file), hash);
  return { digest: `sha256:${hash.digest("hex")}`, size: (await stat(file)).size };
}

/** Compressed: each node keeps the layer beside what it unpacks, and zstd costs next to nothing to undo. */
async function writeLayer(
  dir: string,
  image: ImageSource,
  signal: AbortSignal | undefined,
): Promise<{ diffId: string; digest: string; size: number }> {
  const work = await mkdtemp(join(dir, ".layer-"));
  const whole = "tree" in image;
  const tree = whole ? image.tree : join(work, "tree");
  if (!whole) {
    await mkdir(tree);
    await stage(tree, image.files, signal);
  }
  const file = join(work, "layer.tar");
  const flags = [...TAR_FLAGS, ...(whole ? NO_DEVICES : ROOT_OWNS), ...LAYER_FLAGS];
  const args = ["--create", "--file", file, ...flags, "--directory", tree];
  await run({ tool: "tar", args: [...args, ...(await readdir(tree)).sort()], signal });
  const { digest: diffId } = await describeFile(file);
  await pipeline(createReadStream(file), createZstdCompress(), createWriteStream(`${file}.zst`), { signal });
  const layer = await describeFile(`${file}.zst`);
  await rename(`${file}.zst`, blobPath(dir, layer.digest));
  await rm(work, { recursive: true });
  return { diffId, ...layer };
}

async function stage(tree: string, files: ImageFiles, signal?: AbortSignal): Promise<void> {
  for (const [path, entry] of Object.entries(files)) {
    await makeFolders(tree, dirname(path));
    const target = join(tree, path);
    if ("folder" in entry) {
      await mkdir(target, { recursive: true });
      await chmod(target, entry.folder);
    } else if ("link" in entry) {
      await symlink(entry.link, target);
    } else if ("text" in entry) {
      await writeFile(target, entry.text);
      await chmod(target, 0o644);
    } else {
      await copyFile(entry.executable, target, constants.COPYFILE_FICLONE);
      await chmod(target, 0o755);
      if (entry.capabilities) await run({ tool: "setcap", args: [entry.capabilities, target], signal });
    }
  }
}

/** Modes whatever the umask. */
async function makeFolders(tree: string, path: string): Promise<void> {
  if (path === ".") return;
  await makeFolders(tree, dirname(path));
  const made = await mkdir(join(tree, path), { recursive: true });
  if (made) await chmod(made, 0o755);
}

/** In the specification's spelling; `undefined` drops out of the JSON. */
function ociConfig(config: ImageConfig): Readonly<Record<string, unknown>> {
  const ports = config.exposedPorts?.map((port) => [port, {}]);
  return {
    User: config.user,
    ExposedPorts: ports && Object.fromEntries(ports),
    Env: config.env && Object.entries(config.env).map(([name, value]) => `${name}=${value}`),
    Entrypoint: config.entrypoint,
    Cmd: config.cmd,
    WorkingDir: config.workingDir,
    Labels: config.labels,
  };
}

async function writeJson(dir: string, value: unknown): Promise<{ digest: string; size: number }> {
  const bytes = Buffer.from(JSON.stringify(value));
  const digest = `sha256:${sha256(bytes)}`;
  await writeFile(blobPath(dir, digest), bytes);
  return { digest, size: bytes.length };
}

function blobPath(dir: string, digest: string): string {
  return join(dir, "blobs/sha256", digest.slice("sha256:".length));
}
