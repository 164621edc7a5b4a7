/** Every command line of this machine, for as long as somebody watches. */
import { spawn } from "node:child_process";
import { join } from "node:path";
import { finished } from "./checkout.ts";

/** A process of its own: this one is busy. */
export function watchProcesses(): { end(): Promise<readonly string[]> } {
  const program = join(import.meta.dirname, "process-watch.ts");
  const watch = spawn(process.execPath, [program], { stdio: ["pipe", "pipe", "inherit"] });
  const watched = finished(watch);
  return {
    end: async () => {
      watch.stdin.end();
      return JSON.parse((await watched).stdout);
    },
  };
}
