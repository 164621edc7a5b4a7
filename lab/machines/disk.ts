/** A machine's disk: an overlay on the image, with plain folders in some places. What it wrote is in its folder. */
import { randomBytes } from "node:crypto";
import { mkdirSync, rmSync, writeFileSync } from "node:fs";
import { basename, dirname, join } from "node:path";
import type { MachineSpec } from "../cloud/hypervisor.ts";
import { renderSeed } from "./seed.ts";

/** `lower` and `root` are mount points: empty, as seen from the host. `plain` holds the {@link PLAIN_FOLDERS}. */
const LAYERS = ["upper", "work", "lower", "root", "plain"] as const;

/**
 * Folders of the machine that are no part of the overlay: container runtimes mount overlays of their own, which can't
 * write to one, and pods' volumes want a real file system. K3s has containerd, images and local volumes in the first;
 * the last is Postgres' volume.
 */
const PLAIN_FOLDERS = ["/var/lib/rancher", "/var/lib/kubelet", "/var/lib/gardenos/postgres"] as const;

/** Makes a new disk in a machine's folder. What was there is lost. The machine must be off. */
export function makeDisk(dir: string, spec: MachineSpec): void {
  for (const layer of LAYERS) {
    rmSync(join(dir, layer), { recursive: true, force: true });
    mkdirSync(join(dir, layer), { recursive: true });
  }
  for (const file of renderSeed(spec, randomBytes(16).toString("hex"))) {
    const path = join(dir, "upper", file.path);
    mkdirSync(dirname(path), { recursive: true });
    writeFileSync(path, file.text, { mode: file.mode });
  }
}

/** Where a machine's plain folders are: on the host, and in the machine once they are bound there. */
export function plainFolders(dir: string): readonly { readonly source: string; readonly target: string }[] {
  return PLAIN_FOLDERS.map((target) => ({ source: join(dir, "plain", basename(target)), target }));
}
