/** A machine's disk: an overlay on the image. Only what the machine wrote is in the machine's folder. */
import { randomBytes } from "node:crypto";
import { mkdirSync, rmSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import type { MachineSpec } from "../cloud/hypervisor.ts";
import { renderSeed } from "./seed.ts";

/** `lower` and `root` are mount points: empty, as seen from the host. */
const LAYERS = ["upper", "work", "lower", "root"] as const;

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
