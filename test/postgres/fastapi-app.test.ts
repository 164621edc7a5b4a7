/** The sample service from its own image, on a real Postgres behind a real PgBouncer. */
import type { ChildProcess } from "node:child_process";
import { copyFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { eventually } from "../machines/support/eventually.ts";
import { ownFolder, SHARED } from "../support/image-trees.ts";
import { describeOnPostgres } from "../support/real-postgres.ts";
import { password } from "./support/cluster.ts";
import { POOLER_TREE, type RealPooler, startPooler } from "./support/pgbouncer.ts";

/** Root directory of the service's image. */
const TREE = process.env["GARDENOS_TEST_FASTAPI_APP"] ?? "";
const describeWithApp =
  TREE && POOLER_TREE
    ? describeOnPostgres
    : (name: string, tests: () => void) =>
        void describe.skip(`${name}: GARDENOS_TEST_FASTAPI_APP names no tree of its image`, tests);

let pooler: RealPooler;

/** As the platform sets it: the pooler for the service, the primary for migrations. */
const env = (user: string, more: Readonly<Record<string, string>> = {}) => ({
  DATABASE_HOST: "pgbouncer",
  DATABASE_PORT: "6432",
  DATABASE_NAME: "app",
  DATABASE_USER: user,
  DATABASE_PASSWORD: password(user),
  DATABASE_CA_FILE: `${SHARED}/pgbouncer/ca.crt`,
  PYTHONDONTWRITEBYTECODE: "1",
  ...more,
});
const OWNER = env("app_owner", { DATABASE_HOST: "postgres-primary", DATABASE_PORT: "5432" });

const inApp = (command: string) => ["sh", "-c", `cd /app && exec ${command}`];
const alembic = (command: string, migrations = "/app") =>
  pooler.postgres.trees.run(TREE, inApp(`python3 -m alembic -c ${migrations}/alembic.ini ${command}`), {
    env: OWNER,
  });
const serve = (module: string, port: number, more: Readonly<Record<string, string>> = {}): ChildProcess =>
  pooler.postgres.trees.start(
    TREE,
    inApp(`python3 -m uvicorn app.${module}:app --port ${port} --log-level warning`),
    env("app_rw", more),
  );

const CLIENT = `
import json, sys, urllib.error, urllib.request
method, url, body = json.loads(sys.stdin.read())
request = urllib.request.Request(url, method=method, data=body and json.dumps(body).encode(), headers={"Content-Type": "application/json"})
try:
    answer = urllib.request.urlopen(request, timeout=10)
except urllib.error.HTTPError as error:
    answer = error
print(json.dumps([answer.status, answer.read().decode()]))
`;

/** Status and body of an answer. */
function ask(method: string, port: number, path: string, body?: object): { status: number; body: string } {
  const input = JSON.stringify([method, `http://127.0.0.1:${port}${path}`, body ?? null]);
  const [status, text] = JSON.parse(pooler.postgres.trees.run(TREE, ["python3", "-c", CLIENT], { input }));
  return { status, body: text };
}

const taskOf = (lead: number, kind: string) =>
  pooler.postgres.sql(
    `SELECT state, coalesce(result, '-') FROM app.tasks WHERE lead_id = ${lead} AND kind = '${kind}'`,
    {
      database: "app",
    },
  );

describeWithApp("the sample service", () => {
  beforeAll(async () => {
    pooler = await startPooler([TREE]);
    const { trees } = pooler.postgres;
    copyFileSync(join(import.meta.dirname, "support/model.py"), join(ownFolder(trees, "model"), "model.py"));
    trees.start(TREE, ["python3", `${SHARED}/model/model.py`]);
    alembic("upgrade head");
    serve("api", 8000);
    await eventually(() => expect(ask("GET", 8000, "/readyz").status).toBe(200));
  }, 60_000);
  afterAll(() => pooler?.postgres.stop());

  it("is migrated already when a migration runs again, and its model is what the tables are", () => {
    expect(alembic("current")).toContain("0001 (head)");
    alembic("upgrade head");
    expect(alembic("check")).toContain("No new upgrade operations detected");
  });

  it("lets a second migration wait for the first", async () => {
    const lock = "SELECT pg_advisory_lock(7240701); SELECT pg_sleep(2)";
    const { trees, tree } = pooler.postgres;
    const held = () =>
      pooler.postgres.sql("SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND granted");
    trees.start(tree, ["psql", "-h", `${SHARED}/run`, "-U", "supabase_admin", "-d", "app", "-c", lock]);
    await eventually(() => expect(held()).toBe("1"));
    alembic("upgrade head");
    expect(held()).toBe("0");
  });

  it("names the migration that fails, and leaves nothing of it", () => {
    const folder = ownFolder(pooler.postgres.trees, "broken");
    pooler.postgres.trees.run(TREE, ["sh", "-c", `cp -r /app/migrations /app/alembic.ini ${SHARED}/broken/`]);
    const broken = `
from alembic import op
revision, down_revision = "0002", "0001"
branch_labels = depends_on = None
def upgrade():
    op.execute("CREATE TABLE half (id int)")
    op.execute("ALTER TABLE nothing ADD COLUMN x int")
`;
    writeFileSync(join(folder, "migrations/versions/0002_broken.py"), broken);
    expect(() => alembic("upgrade head", `${SHARED}/broken`)).toThrow(
      /Running upgrade 0001 -> 0002[\s\S]*"nothing" does not exist/,
    );
    expect(pooler.postgres.sql("SELECT to_regclass('app.half') IS NULL", { database: "app" })).toBe("t");
  });

  it("takes a lead in, and refuses what is none", () => {
    const made = ask("POST", 8000, "/leads", { name: "Ada", message: "hello" });
    expect(made.status).toBe(201);
    const { id } = JSON.parse(made.body);
    expect(JSON.parse(ask("GET", 8000, `/leads/${id}`).body)).toEqual({
      id,
      name: "Ada",
      tasks: [{ kind: "lead_analysis", state: "queued", result: null }],
    });
    expect(ask("POST", 8000, "/leads", { name: "" }).status).toBe(422);
    expect(ask("GET", 8000, "/leads/999999").status).toBe(404);
  });

  it("has its agents do what is queued, one task after the other", async () => {
    const agents = serve("agents", 8001, {
      AGENTS_LEAD_ANALYSIS: "3",
      AGENTS_FOLLOW_UP: "2",
      OPENAI_BASE_URL: "http://127.0.0.1:8090",
      OPENAI_API_KEY: "right-key",
      OPENAI_MODEL: "m",
    });
    await eventually(() => expect(taskOf(1, "follow_up")).toBe("done|m read 2 messages"));
    expect(taskOf(1, "lead_analysis")).toBe("done|m read 2 messages");
    expect(ask("GET", 8001, "/metrics").body).toContain(
      'app_model_tokens_total{direction="prompt_tokens",kind="follow_up"} 7.0',
    );
    agents.kill();
  });

  it("gives a task up after three refusals of the provider, and keeps it", async () => {
    const agents = serve("agents", 8002, {
      AGENTS_LEAD_ANALYSIS: "1",
      OPENAI_BASE_URL: "http://127.0.0.1:8090",
      OPENAI_API_KEY: "wrong",
      OPENAI_MODEL: "m",
    });
    ask("POST", 8000, "/leads", { name: "Bob", message: "hello" });
    await eventually(() => expect(taskOf(2, "lead_analysis")).toBe("failed|-"), 30_000);
    agents.kill();
  });

  it("says everything that it misses, and no value", () => {
    const start = () =>
      pooler.postgres.trees.run(TREE, inApp("python3 -c 'import app.settings as s; s.read()'"), {
        env: { DATABASE_PASSWORD: "CANARY" },
      });
    expect(start).toThrow("DATABASE_HOST is not set; DATABASE_NAME is not set; DATABASE_USER is not set");
    expect(start).not.toThrow("CANARY");
  });

  it("is alive and not ready while Postgres is away, and ready afterwards by itself", async () => {
    await pooler.postgres.restart(async () => {
      await eventually(() => expect(ask("GET", 8000, "/readyz").status).toBe(503));
      expect(ask("GET", 8000, "/healthz").status).toBe(200);
    });
    await eventually(() => expect(ask("GET", 8000, "/readyz").status).toBe(200));
  });
});
