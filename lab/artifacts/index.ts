/** Everything the lab's machines need, made from package registries only, cached and laid out for serving. */
import type { Manifest } from "../../plan/artifacts.ts";
import { type AptRepository, buildAptRepository } from "./apt-repository.ts";
import { defaultCacheDir, type Progress } from "./cache.ts";
import { debianImageSources } from "./debian-images.ts";
import { buildEtcd } from "./etcd.ts";
import { buildImages } from "./images.ts";
import { buildK3s, type K3sBuild } from "./k3s.ts";
import { type KubernetesParts, layOut } from "./layout.ts";
import { buildRootfs, type Rootfs } from "./rootfs.ts";
import { fetchEtcd } from "./upstream-etcd.ts";

export { APT_COMPONENT, APT_SUITE } from "./apt-repository.ts";
export { defaultCacheDir } from "./cache.ts";
export { buildDebianImageTree } from "./debian-images.ts";
export { missingTools } from "./tools.ts";
export { buildVersitygw } from "./versitygw.ts";

/** What to build, and where to. */
export interface ArtifactOptions {
  /** Shared by all checkouts. @default - see {@link defaultCacheDir} */
  readonly cacheDir?: string;
  /** This lab's served folder, for example `.lab/artifacts`. Whatever else is in it is removed. */
  readonly outDir: string;
  /** Debian packages that the program's bundles install. */
  readonly packages: readonly string[];
  /**
   * Version that the lab's k3s calls itself, `v1.36.5`; its code is always that of `VERSIONS.k3s`. Kubernetes and its
   * images take a quarter of an hour the first time. @default - they are not built
   */
  readonly k3sVersion?: string | undefined;
  /** Upstream's artifacts instead of built ones, where the internet is reachable. @default - build them */
  readonly upstream?: Manifest | undefined;
  /** See `RootfsBuild.edition`. @default - any image of the recipe will do */
  readonly edition?: string;
  /** Receives the tools' own output, line by line. @default - dropped; errors quote its end */
  readonly log?: (line: string) => void;
  /** Receives one line per step, only when something has to be built. */
  readonly onProgress: Progress;
  /** Stops all builds; nothing unfinished stays. */
  readonly signal?: AbortSignal;
}

/** Paths of what was built. */
export interface LabArtifacts {
  /** Lower layer of the machines' disks: read only. */
  readonly rootfsDir: string;
  /** In the form of `artifacts/upstream.json`. */
  readonly manifestFile: string;
  /** Armoured public key of the package repository. */
  readonly aptKeyFile: string;
  /** K3s, which is `kubectl`, too; undefined where Kubernetes was not asked for. */
  readonly k3sFile?: string;
  /** The folder to serve at `http://192.0.2.1/`. */
  readonly served: string;
}

/**
 * Builds what isn't in the cache yet (the compiler and the package downloads side by side) and lays it out.
 * Needs root and what {@link missingTools} looks for.
 * @throws Error that names the artifact and quotes the tool's last lines
 */
export async function buildArtifacts(options: ArtifactOptions): Promise<LabArtifacts> {
  const failure = new AbortController();
  const signals = [failure.signal, ...(options.signal ? [options.signal] : [])];
  const build = {
    cacheDir: options.cacheDir ?? defaultCacheDir(),
    edition: options.edition,
    onProgress: options.onProgress,
    log: options.log ?? (() => undefined),
    signal: AbortSignal.any(signals),
  };
  const obtainEtcd = options.upstream ? fetchEtcd.bind(undefined, options.upstream.etcd) : buildEtcd;
  const packages = async (): Promise<{ rootfs: Rootfs; apt: AptRepository }> => {
    const rootfs = await buildRootfs(build);
    const apt = await buildAptRepository({ ...build, rootfs, packages: options.packages });
    // For the bundle of images, which finds them in the cache once the compiler is done.
    if (options.k3sVersion) await debianImageSources(build);
    return { rootfs, apt };
  };
  const [etcd, { rootfs, apt }, kubernetes] = await allOrNone(
    [
      obtainEtcd(build),
      packages(),
      options.k3sVersion ? buildKubernetes({ ...build, version: options.k3sVersion }) : undefined,
    ],
    failure,
  );
  const layout = await layOut(options.outDir, { etcd, apt, kubernetes });
  const k3s = kubernetes && { k3sFile: kubernetes.k3s.file };
  return { ...layout, ...k3s, rootfsDir: rootfs.dir, served: options.outDir };
}

/** One after the other: each keeps all processors busy. */
async function buildKubernetes(build: K3sBuild): Promise<KubernetesParts> {
  const k3s = await buildK3s(build);
  return { k3s, images: await buildImages(build) };
}

/** Like Promise.all, but the first failure stops the others and is thrown once they have stopped. */
async function allOrNone<A, B, C>(
  work: readonly [Promise<A>, Promise<B>, Promise<C> | undefined],
  failure: AbortController,
): Promise<[A, B, C | undefined]> {
  try {
    return await Promise.all(work);
  } catch (error) {
    failure.abort();
    await Promise.allSettled(work);
    throw error;
  }
}
