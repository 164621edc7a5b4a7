/** What files/postgres/validate.sh lets through, on a node that has a member of a living cluster. */
import { spawnSync } from "node:child_process";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { renderNodeEnv } from "../../components/patroni-cluster/render.ts";
import { readRepositoryFile } from "../../lib/repository-file.ts";
import { planPostgres } from "../../plan/postgres.ts";
import { GOOD, settingsOf } from "../support/settings.ts";

const ALL = ["n1", "n2", "n3"];

function env(postgres: Record<string, unknown> = {}, keys: readonly string[] = ALL): string {
  const servers = keys.map((key) => ({ key, privateIp: `10.0.1.1${key.slice(1)}` }));
  const plan = planPostgres(
    { project: "gardenos", stack: "test" },
    settingsOf({ ...GOOD, postgres }),
    servers,
  );
  return renderNodeEnv({ node: "n1", plan });
}

let dir: string;
beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), "postgres-validate-"));
});
afterEach(() => rmSync(dir, { recursive: true }));

function validate(next: string, living?: string) {
  const file = join(dir, "node.env");
  const staged = join(dir, "staged", file);
  mkdirSync(dirname(staged), { recursive: true });
  writeFileSync(staged, next);
  if (living !== undefined) writeFileSync(file, living);
  const script = readRepositoryFile("files/postgres/validate.sh").replace(/^env=.*$/m, `env=${file}`);
  const { status, stderr } = spawnSync("bash", ["-s"], {
    input: script,
    env: { ...process.env, STAGED: join(dir, "staged") },
    encoding: "utf8",
  });
  return { status, stderr };
}

it("a node without a member takes everything", () => {
  expect(validate(env())).toEqual({ status: 0, stderr: "" });
});

describe("a living cluster", () => {
  it.each([
    ["what it has", env()],
    ["another memory, which is not the node's business", env({ memory: "2Gi" })],
  ])("takes %s", (_, next) => {
    expect(validate(next, env())).toEqual({ status: 0, stderr: "" });
  });

  it("takes more members", () => {
    expect(validate(env(), env({ instances: 1 }))).toEqual({ status: 0, stderr: "" });
  });

  it.each([
    ["fewer members", env({ instances: 2 })],
    ["a server that takes another's place", env({}, ["n0", "n1", "n2"])],
  ])("refuses %s", (_, next) => {
    const { status, stderr } = validate(next, env());
    expect(status).toBe(1);
    expect(stderr).toContain("members of a living cluster are not taken away, and stay on their nodes");
    expect(stderr).toContain(
      "want  postgres-0=10.0.1.11 postgres-1=10.0.1.12 postgres-2=10.0.1.13, and more",
    );
  });

  it("refuses another scope", () => {
    expect(validate(env({ scope: "other" }), env())).toMatchObject({
      status: 1,
      stderr: expect.stringContaining("fix   set gardenos:postgres.scope to gardenos-test"),
    });
  });
});

describe("HAProxy of a node", () => {
  function check(backends: readonly string[]) {
    const staged = join(dir, "staged");
    const file = join(dir, "node.env");
    mkdirSync(join(staged, "etc/haproxy"), { recursive: true });
    writeFileSync(file, env());
    const lines = backends.map((address, i) => `  server s${i} ${address} port 30580\n`);
    writeFileSync(
      join(staged, "etc/haproxy/haproxy.cfg"),
      `defaults\n  timeout connect 1s\n  timeout server 1s\n  timeout client 1s\nlisten postgres-primary\n  bind 127.0.0.1:5432\n${lines.join("")}`,
    );
    const script = readRepositoryFile("files/haproxy/validate.sh").replace(/^env=.*$/m, `env=${file}`);
    const { status, stderr } = spawnSync("sh", ["-s"], {
      input: script,
      env: { ...process.env, PATH: `${process.env["PATH"]}:/usr/sbin`, STAGED: staged },
      encoding: "utf8",
    });
    return { status, stderr };
  }

  it("keeps every member of a living cluster", () => {
    const all = ["10.0.1.11:30540", "10.0.1.12:30541", "10.0.1.13:30542"];
    expect(check(all)).toEqual({ status: 0, stderr: "" });
    expect(check(all.slice(0, 2))).toMatchObject({
      status: 1,
      stderr: expect.stringContaining(
        "postgres-2 is a member of the living Postgres cluster and would be left out",
      ),
    });
  });
});
