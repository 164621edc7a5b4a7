/** Builds what labs and tests are made of, unless the shared cache has it: half an hour of two processors the first time. */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { buildArtifacts, buildVersitygw, defaultCacheDir } from "../lab/artifacts/index.ts";
import { LAB_K3S_VERSION } from "../lab/artifacts/k3s.ts";
import { NODE_PACKAGES } from "../plan/packages.ts";

const onProgress = (line: string): void => void process.stderr.write(`${line}\n`);

const served = mkdtempSync(join(tmpdir(), "gardenos-artifacts-"));
try {
  await buildArtifacts({
    ...{ outDir: served, packages: NODE_PACKAGES, k3sVersion: LAB_K3S_VERSION, onProgress },
  });
  await buildVersitygw({ cacheDir: defaultCacheDir(), onProgress, log: () => undefined });
} finally {
  rmSync(served, { recursive: true });
}
