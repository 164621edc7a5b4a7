/** etcd as upstream released it: downloaded once, and accepted only with the checksum that the repository pins. */
import { writeFile } from "node:fs/promises";
import { basename, join } from "node:path";
import { sha256 } from "../../lib/sha256.ts";
import type { Artifact } from "../../plan/artifacts.ts";
import { cached } from "./cache.ts";
import type { EtcdBuild, EtcdTarball } from "./etcd.ts";

const TIMEOUT_MS = 300_000;

/**
 * Downloads the tarball, or finds it in the cache.
 * @throws Error with both checksums when they differ; nothing is kept then
 */
export async function fetchEtcd(artifact: Artifact, options: EtcdBuild): Promise<EtcdTarball> {
  const fileName = basename(new URL(artifact.url).pathname);
  const dir = await cached({
    cacheDir: options.cacheDir,
    name: "etcd-upstream",
    key: artifact.sha256,
    describe: `downloading ${artifact.url}`,
    onProgress: options.onProgress,
    async build(target) {
      const bytes = await download(artifact.url, options.signal);
      const got = sha256(bytes);
      if (got !== artifact.sha256) {
        throw new Error(`${artifact.url} has sha256 ${got}, want ${artifact.sha256}; it was thrown away`);
      }
      await writeFile(join(target, fileName), bytes);
    },
  });
  return { version: artifact.version, fileName, file: join(dir, fileName), sha256: artifact.sha256 };
}

async function download(url: string, signal: AbortSignal | undefined): Promise<Uint8Array> {
  const timeout = AbortSignal.timeout(TIMEOUT_MS);
  const response = await fetch(url, { signal: signal ? AbortSignal.any([signal, timeout]) : timeout });
  if (!response.ok) throw new Error(`${url} answered ${response.status}`);
  return new Uint8Array(await response.arrayBuffer());
}
