/** The images that the lab's Kubernetes runs, as one file that it imports instead of pulling from a registry. */
import { mkdir, readFile, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import type { Images } from "../../plan/artifacts.ts";
import { type Busybox, type BusyboxBuild, buildBusybox } from "./busybox.ts";
import { cached, recipeKey } from "./cache.ts";
import { debianImageSources } from "./debian-images.ts";
import { DEBIAN_IMAGES } from "./debian-recipes.ts";
import { buildGoProgram } from "./go-program.ts";
import { busyboxImage, PROGRAM_IMAGES, type ProgramImage, programImage } from "./image-recipes.ts";
import {
  describeFile,
  type ImageSource,
  packLayout,
  reference,
  type WrittenImage,
  writeImage,
  writeIndex,
} from "./oci-image.ts";

/** Raise when the way the file is made changes: it is part of the cache key. */
const LAYOUT = "2";

const FILE_NAME = "gardenos-lab-images-amd64.tar";

/** What the cache keeps beside the file. */
interface Contents {
  readonly sha256: string;
  readonly images: readonly WrittenImage[];
}

/** All images in one file, in the cache. */
export interface ImageBundle {
  readonly file: string;
  /** The same for every version, so that a new one takes the old one's place on a node. */
  readonly fileName: string;
  /** Lower-case hex. */
  readonly sha256: string;
  /** Changes with the content. */
  readonly version: string;
  /** References with digests of the images that the program's own objects name. */
  readonly references: Partial<Images>;
}

/**
 * Builds programs and images, or finds them in the cache. One compiler runs at a time, so that machines may
 * start meanwhile. Needs root.
 */
export async function buildImages(options: BusyboxBuild): Promise<ImageBundle> {
  const busybox = await buildBusybox(options);
  const sources: ImageSource[] = [busyboxImage(busybox)];
  for (const image of Object.values<ProgramImage>(PROGRAM_IMAGES)) {
    sources.push(programImage(image, await buildGoProgram(image.program, options)));
  }
  sources.push(...(await debianImageSources(options)));
  // Paths in the cache are part of it, and hold the keys of the programs' own recipes.
  const recipe = JSON.stringify(sources).replaceAll(options.cacheDir, "");
  const version = recipeKey({ layout: LAYOUT, recipe });
  const dir = await cached({
    cacheDir: options.cacheDir,
    name: "images",
    key: version,
    describe: `packing ${sources.length} container images`,
    onProgress: options.onProgress,
    build: (target) => pack(target, sources, options.signal),
  });
  const { sha256, images } = JSON.parse(await readFile(join(dir, "contents.json"), "utf8")) as Contents;
  return {
    file: join(dir, FILE_NAME),
    fileName: FILE_NAME,
    sha256,
    version,
    references: references(images, busybox),
  };
}

async function pack(dir: string, sources: readonly ImageSource[], signal?: AbortSignal): Promise<void> {
  const layout = join(dir, "layout");
  await mkdir(layout);
  const images: WrittenImage[] = [];
  for (const source of sources) images.push(await writeImage(layout, source, signal));
  await writeIndex(layout, images);
  const file = join(dir, FILE_NAME);
  await packLayout(layout, file, signal);
  await rm(layout, { recursive: true });
  const contents: Contents = { sha256: (await describeFile(file)).digest.slice("sha256:".length), images };
  await writeFile(join(dir, "contents.json"), `${JSON.stringify(contents, undefined, 2)}\n`);
}

function references(images: readonly WrittenImage[], busybox: Busybox): Partial<Images> {
  const find = (name: string): string => {
    const image = images.find((each) => each.name === name);
    if (!image) throw new Error(`the bundle of images lacks ${name}; delete the cache's folder images`);
    return reference(image);
  };
  // In no package registry, but for the gateway's: one stand-in takes the place of all.
  const supabase = find(DEBIAN_IMAGES.supabaseStandIn.name);
  return {
    traefik: find(PROGRAM_IMAGES.traefik.name),
    metricsServer: find(PROGRAM_IMAGES.metricsServer.name),
    localPathProvisioner: find(PROGRAM_IMAGES.localPathProvisioner.name),
    busybox: find(busyboxImage(busybox).name),
    postgres: find(DEBIAN_IMAGES.postgres.name),
    pgbouncer: find(DEBIAN_IMAGES.pgbouncer.name),
    haproxy: find(DEBIAN_IMAGES.haproxy.name),
    supabaseAuth: supabase,
    supabaseRest: supabase,
    supabaseRealtime: supabase,
    supabaseStorage: supabase,
    supabaseGateway: find(DEBIAN_IMAGES.envoy.name),
    supabaseImgproxy: supabase,
    supabaseMeta: supabase,
    supabaseStudio: supabase,
    supabaseFunctions: supabase,
  };
}
