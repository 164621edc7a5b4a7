/** Before tests against a real API server: builds the lab's k3s, unless the shared cache has it. */
import { defaultCacheDir } from "../../lab/artifacts/index.ts";
import { buildK3s } from "../../lab/artifacts/k3s.ts";

/** Tests of drivers find the binary by this variable; set, it names one to test with instead. */
const BINARY = "GARDENOS_TEST_K3S";

export async function setup(): Promise<void> {
  if (process.env[BINARY]) return;
  const onProgress = (line: string): void => void process.stderr.write(`${line}\n`);
  const { file } = await buildK3s({ cacheDir: defaultCacheDir(), onProgress, log: () => undefined });
  process.env[BINARY] = file;
}
