/** FastAPI services as people outside, agents and app teams meet them. */
import { appendFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { beforeAll, describe, expect, it, vi } from "vitest";
import { changed } from "../support/checkout.ts";
import { psql } from "../support/postgres.ts";
import { outputOf } from "../support/state.ts";
import { mustUp } from "../support/up.ts";
import { cluster, lab } from "./stack.ts";

const HOST = "api.gardenos.test";
const AGENT_PATIENCE = { timeout: 60_000, interval: 1000 };

let entry: string;
let caFile: string;

/** The API, from outside, verified by the exported authority. */
async function call(path: string, ...more: readonly string[]) {
  const { stdout, all } = await lab.lab(
    ...["exec", "--", "curl", "-sS", "--max-time", "10", "--cacert", caFile],
    ...["--resolve", `${HOST}:443:${entry}`, "-H", "Content-Type: application/json", ...more],
    `https://${HOST}${path}`,
  );
  return { stdout, all };
}

/** Queues a lead by the API, and waits for what both agents make of it. */
async function untilAgentsAreDone(message: string): Promise<void> {
  const made = await call("/leads", "--data", JSON.stringify({ name: "Ada", message }));
  const { id } = JSON.parse(made.stdout || "{}");
  expect(id, made.all).toBeTypeOf("number");
  await vi.waitFor(async () => {
    const { tasks } = JSON.parse((await call(`/leads/${id}`)).stdout);
    expect(tasks.map(({ kind, state }: { kind: string; state: string }) => `${kind} ${state}`)).toEqual([
      "lead_analysis done",
      "follow_up done",
    ]);
    expect(tasks[0].result).toContain("The lab's stand-in for stand-in has read");
  }, AGENT_PATIENCE);
}

const apiPods = (shown: string) =>
  cluster.get("-n", "apps", "get", "pods", "-l", "app.kubernetes.io/name=api", "-o", shown);

beforeAll(async () => {
  entry = await cluster.entry();
  caFile = join(lab.dir, ".lab/services-ca.pem");
  writeFileSync(caFile, outputOf(lab, "ingress-certificates-ca", "certPem"));
});

describe("a FastAPI service", () => {
  it("answers over HTTPS by the certificate of the exported authority", async () => {
    const { stdout, all } = await call("/readyz");
    expect(JSON.parse(stdout || "{}"), all).toEqual({ database: "ok" });
  });

  it("shows that certificate to nobody who asks for another name", async () => {
    const other = await lab.lab(
      ...["exec", "--", "curl", "-sS", "--max-time", "10", "--cacert", caFile],
      ...["--resolve", `other.gardenos.test:443:${entry}`, "https://other.gardenos.test/"],
    );
    // curl's own: a certificate that it can't verify.
    expect([other.code, other.stderr]).toEqual([60, expect.stringContaining("SSL certificate problem")]);
  });

  it("has its agents do what a client has queued, by the provider's model", async () => {
    await untilAgentsAreDone("Is the garden open on Sunday?");
  });

  it("may not do what its role may not: its tables belong to the migration's role", async () => {
    const program =
      "import asyncio, app.database as d, app.settings as s; from sqlalchemy import text\n" +
      "async def main():\n  async with d.create_engine(s.read_database()).begin() as c:\n" +
      "    await c.execute(text('DROP TABLE tasks'))\nasyncio.run(main())";
    const pod = await apiPods("name");
    const first = pod.split("\n")[0] ?? "";
    const { code, stderr } = await cluster.kubectl(
      "-n",
      "apps",
      "exec",
      first,
      "--",
      "python3",
      "-c",
      program,
    );
    expect(code).not.toBe(0);
    expect(stderr).toContain("must be owner of table tasks");
  });
});

describe("eight clients", () => {
  it("lose nothing that was acknowledged when Postgres is killed, see errors for seconds, and end no pod", async () => {
    const restarts = () => apiPods("jsonpath={.items[*].status.containerStatuses[*].restartCount}");
    const before = await restarts();
    const { stdout, all } = await lab.lab(
      ...["exec", "--", "node", "bench/load.ts", "--seconds", "30", "--kill-postgres", "--json"],
    );
    const seen = JSON.parse(stdout || "{}");
    console.info(stdout);
    expect(seen.lost, all).toBe(0);
    expect(seen.answers).toBeGreaterThan(100);
    // A crash costs five and a half seconds at most, and a client's patience is its own.
    expect(seen.failed?.last ?? 0).toBeLessThan(15_000);
    expect(await restarts()).toBe(before);
  });
});

describe("a rotation of the database's passwords and of the AI provider's key", () => {
  const keys = () => join(lab.dir, ".lab/ai-api-key");
  const ask = (query: string) => psql(lab, query, "app");
  const tasks = (condition: string) => ask(`SELECT count(*) FROM app.tasks WHERE ${condition}`);

  it("gives pods the other login and key, while clients write and agents work on", async () => {
    const last = await ask("SELECT coalesce(max(id), 0) FROM app.tasks");
    appendFileSync(keys(), "\nsk-lab-the-next-one\n");
    const load = ["bench/load.ts", "--seconds", "90", "--clients", "2", "--json"];
    const loading = lab.lab("exec", "--", "node", ...load);
    lab.configure(["gardenos:postgres", "databases"], { app: { rotation: 1 } });
    await mustUp(lab);
    const user = "import os; print(os.environ['DATABASE_USER'])";
    expect(await cluster.get("-n", "apps", "exec", "deployment/api", "--", "python3", "-c", user)).toBe(
      "app_rw_b",
    );
    const { stdout, all } = await loading;
    console.info(stdout);
    const { errors, lost, answers } = JSON.parse(stdout || "{}");
    expect([lost, answers > 100], all).toEqual([0, true]);
    // None where there is a free processor; here the ingress controller may learn too late of a pod that is about to go.
    expect(errors, all).toBeLessThanOrEqual(1);
    expect(Number(await tasks(`id > ${last} AND state = 'done'`))).toBeGreaterThan(10);
    expect(await tasks(`id > ${last} AND attempts > 1`)).toBe("0");
    // The provider revokes the old one.
    writeFileSync(keys(), "sk-lab-the-next-one\n");
    await untilAgentsAreDone("And on Monday?");
    expect(await tasks(`id > ${last} AND attempts > 1`)).toBe("0");
  });
});

describe("the schema", () => {
  it("is what the application's models say, as alembic finds", async () => {
    const check = ["python3", "-m", "alembic", "check"];
    const { code, all } = await cluster.kubectl("-n", "apps", "exec", "deployment/api", "--", ...check);
    expect(code, all).toBe(0);
  });
});

describe("a migration that fails", () => {
  const settings = ["gardenos:services", "api", "migrate"] as const;
  const broken = "import sys; sys.exit('Running upgrade 0001 -> 0002: relation \"nothing\" does not exist')";

  it("ends the run with its own words, and leaves the old pods serving", async () => {
    const before = await apiPods("name");
    lab.configure(settings, ["python3", "-c", broken]);
    const { code, result, all } = await lab.up();
    expect(code, all).toBe(1);
    expect(result.errors.join("\n")).toContain('0001 -> 0002: relation "nothing" does not exist');
    const after = await apiPods("name");
    expect(after).toBe(before);
    expect(JSON.parse((await call("/readyz")).stdout)).toEqual({ database: "ok" });
  });

  it("goes on when it is mended", async () => {
    lab.configure(settings, ["python3", "-m", "alembic", "upgrade", "head"]);
    const { code, result, all } = await lab.up();
    expect(code, all).toBe(0);
    expect(changed(result).join("\n")).toContain("api-migrate");
  });
});
