/** Before tests with a real S3 server: compiles the lab's, unless the shared cache has it. */
import { buildVersitygw, defaultCacheDir } from "../../lab/artifacts/index.ts";

/** Tests find the program by this variable; set, it names one to test with instead. */
const PROGRAM = "GARDENOS_TEST_VERSITYGW";

export async function setup(): Promise<void> {
  if (process.env[PROGRAM]) return;
  const onProgress = (line: string): void => void process.stderr.write(`${line}\n`);
  process.env[PROGRAM] = await buildVersitygw({
    cacheDir: defaultCacheDir(),
    onProgress,
    log: () => undefined,
  });
}
