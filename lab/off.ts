import { rmSync } from "node:fs";
import { join } from "node:path";
import { stopDaemon } from "./daemon.ts";
import type { Lab } from "./lab.ts";

/** Ends the lab. Disks, state and keys stay in `.lab`; what a killed run left there does not. */
export async function switchOff(lab: Lab): Promise<void> {
  await stopDaemon(lab.ctx);
  rmSync(join(lab.ctx.dir, "tmp"), { recursive: true, force: true });
}

/** Ends the lab and removes `.lab`: disks, state, keys. The cache of built artifacts stays. */
export async function reset(lab: Lab): Promise<void> {
  await switchOff(lab);
  rmSync(lab.ctx.dir, { recursive: true, force: true });
}
