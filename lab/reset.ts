import { rmSync } from "node:fs";
import { stopDaemon } from "./daemon.ts";
import type { Lab } from "./lab.ts";

/** Ends the lab and removes `.lab`: disks, state, keys. The cache of built artifacts stays. */
export async function resetLab(lab: Lab): Promise<void> {
  await stopDaemon(lab.ctx);
  rmSync(lab.ctx.dir, { recursive: true, force: true });
}
