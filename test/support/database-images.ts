/** Before tests that run Postgres, PgBouncer, Envoy, the sample service or Supabase's stand-in: builds the trees of their images, unless the shared cache has them. */
import { buildDebianImageTree, defaultCacheDir } from "../../lab/artifacts/index.ts";

/** Tests find a tree by its variable; set, it names one to test with instead. */
const TREES = {
  postgres: "GARDENOS_TEST_POSTGRES",
  pgbouncer: "GARDENOS_TEST_PGBOUNCER",
  envoy: "GARDENOS_TEST_ENVOY",
  fastapiApp: "GARDENOS_TEST_FASTAPI_APP",
  supabaseStandIn: "GARDENOS_TEST_SUPABASE_STAND_IN",
} as const;

export async function setup(): Promise<void> {
  const onProgress = (line: string): void => void process.stderr.write(`${line}\n`);
  for (const name of Object.keys(TREES) as (keyof typeof TREES)[]) {
    if (process.env[TREES[name]]) continue;
    const options = { cacheDir: defaultCacheDir(), onProgress, log: () => undefined };
    process.env[TREES[name]] = (await buildDebianImageTree(name, options)).dir;
  }
}
