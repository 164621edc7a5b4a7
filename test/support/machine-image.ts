/** Before any test with machines: builds what they are made of, unless the shared cache has it. */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { buildArtifacts } from "../../lab/artifacts/index.ts";
import { NODE_PACKAGES } from "../../plan/packages.ts";

/** Tests that boot single machines find the image by this variable. */
const IMAGE = "GARDENOS_TEST_ROOTFS";

export async function setup(): Promise<void> {
  if (process.env[IMAGE]) return;
  const served = mkdtempSync(join(tmpdir(), "gardenos-artifacts-"));
  try {
    const onProgress = (line: string): void => void process.stderr.write(`${line}\n`);
    const { rootfsDir } = await buildArtifacts({ outDir: served, packages: NODE_PACKAGES, onProgress });
    process.env[IMAGE] = rootfsDir;
  } finally {
    rmSync(served, { recursive: true });
  }
}
