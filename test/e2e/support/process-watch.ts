/** Notes the command line of every process on this machine until standard input ends; prints them as JSON. */
import { readdirSync, readFileSync } from "node:fs";

const PAUSE_MS = 10;
const seen = new Set<string>();

function look(): void {
  for (const pid of readdirSync("/proc")) {
    if (!/^\d/.test(pid)) continue;
    try {
      seen.add(readFileSync(`/proc/${pid}/cmdline`, "utf8"));
    } catch {
      // It has ended.
    }
  }
}

const timer = setInterval(look, PAUSE_MS);
process.stdin.on("end", () => {
  clearInterval(timer);
  process.stdout.write(JSON.stringify([...seen]));
});
process.stdin.resume();
