/**
 * A process that makes one cache entry, for tests about several processes and about killed ones.
 * Usage: build-entry.ts CACHE_DIR GATE   (the build holds GATE's lock and ends when the file GATE.open exists)
 */
import { appendFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { cached } from "../../../lab/artifacts/cache.ts";
import { run } from "../../../lab/artifacts/command.ts";

const [cacheDir = "", gate = ""] = process.argv.slice(2);
const script = 'echo building >&2; until [ -e "$1.open" ]; do sleep 0.05; done';
const dir = await cached({
  cacheDir,
  name: "thing",
  key: "k1",
  describe: "building a thing",
  onProgress: (line) => console.log(line),
  async build(target) {
    await appendFile(`${gate}.builds`, "built\n");
    await writeFile(join(target, "half"), "");
    const args = [gate, "sh", "-c", script, "sh", gate];
    await run({ tool: "flock", args, log: (line) => console.log(line) });
    await writeFile(join(target, "whole"), "");
  },
});
console.log(`have ${dir}`);
