/** What on-call's tools say of a stack with Postgres, and what they keep to themselves. */
import { execFileSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, statSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parseTarGzip } from "nanotar";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { debugBundle } from "../../ops/debug.ts";
import { pg } from "../../ops/pg.ts";
import { leaksIn, redact, secretsOf } from "../../ops/redact.ts";
import { isHealthy, readStatus, renderStatus } from "../../ops/status/index.ts";
import { certificates, renderChecks, validate } from "../../ops/validate.ts";
import { watch } from "../../ops/watch.ts";
import { type FakeStack, fakeStack, postgresWell } from "../support/ops-access.ts";

let stack: FakeStack;
let dir: string;
beforeEach(() => {
  stack = fakeStack();
  stack.postgres = postgresWell();
  dir = mkdtempSync(join(tmpdir(), "ops-"));
});
afterEach(() => rmSync(dir, { recursive: true }));

/** Changes one member. */
function change(index: number, changes: object): void {
  const { members, ...rest } = postgresWell();
  stack.postgres = {
    ...rest,
    members: members.map((each, i) => (i === index ? { ...each, ...changes } : each)),
  };
}

describe("status", () => {
  it("shows members, and is well with one leader and a synchronous standby", async () => {
    const found = await readStatus(stack.access);
    expect(isHealthy(found)).toBe(true);
    const screen = renderStatus(found);
    expect(screen).toMatch(/postgres-2 .* n3 .* replica .* streaming .* 3 .* 4096/);
    expect(screen.split("\n").at(-1)).toBe("Postgres 17.6: 3 members, postgres-0 leads.");
  });

  it.each([
    [0, { role: "replica", state: "streaming" }, "there is no leader"],
    [1, { role: "replica" }, "no standby is synchronous"],
    [2, { state: "starting" }, "postgres-2 is starting"],
    [2, { state: "absent", timeline: 0 }, "postgres-2 is absent"],
    [2, { timeline: 2 }, "postgres-2 is on timeline 2, the leader on 3"],
    [2, { role: "leader" }, "there are several leaders"],
  ])("is not well when member %i is %j", async (index, changes, why) => {
    change(index, changes);
    const found = await readStatus(stack.access);
    expect(isHealthy(found)).toBe(false);
    expect(renderStatus(found)).toContain(`Postgres 17.6: NOT WELL: ${why}.`);
  });

  it("is not well while somebody has paused Patroni", async () => {
    stack.postgres = { ...postgresWell(), paused: true };
    const found = await readStatus(stack.access);
    expect(isHealthy(found)).toBe(false);
    expect(renderStatus(found)).toContain("NOT WELL: Patroni is paused, so nobody takes over");
  });

  it("misses no synchronous standby where none is wanted", async () => {
    change(1, { role: "replica" });
    stack.postgres = { ...(stack.postgres ?? postgresWell()), synchronous: false };
    expect(isHealthy(await readStatus(stack.access))).toBe(true);
  });

  it("wants one primary and all replicas in every HAProxy", async () => {
    stack.postgresUp.replica = 1;
    expect(isHealthy(await readStatus(stack.access))).toBe(false);
  });
});

describe("status --watch", () => {
  it("draws over what it drew, and gives the cursor back", async () => {
    const written: string[] = [];
    const controller = new AbortController();
    let draws = 0;
    const draw = async () => {
      draws += 1;
      if (draws === 3) controller.abort();
      return `look ${draws}\nend`;
    };
    const write = (text: string) => void written.push(text);
    await watch(draw, { seconds: 0.001, redraw: true, write, signal: controller.signal });
    expect(written).toEqual([
      "\x1b[?25l\x1b[2J",
      "\x1b[Hlook 1\x1b[K\nend\x1b[K\x1b[J",
      "\x1b[Hlook 2\x1b[K\nend\x1b[K\x1b[J",
      "\x1b[?25h\n",
    ]);
  });
});

describe("pg", () => {
  it("runs on a node that lets us in; every argument stays one word", async () => {
    stack.locked.add("n1");
    expect(await pg(stack.access, "psql", ["-c", "select 'a b'"])).toBe(0);
    expect(stack.ran.at(-1)).toBe(`n2: postgres-node psql '-c' 'select '\\''a b'\\'''`);
  });

  it("says that there is no Postgres yet", async () => {
    delete stack.postgres;
    await expect(pg(stack.access, "switchover")).rejects.toThrow(
      "the stack has no Postgres yet; `up` builds it",
    );
  });
});

describe("validate", () => {
  const failed = async () => (await validate(stack.access)).filter(({ ok }) => !ok);
  const named = async (name: string) => (await validate(stack.access)).find((check) => check.name === name);

  it("tells what is not as promised", async () => {
    stack.patroni = { synchronous_mode: true };
    stack.postgresUp.primary = 0;
    stack.locked.add("n3");
    const checks = await failed();
    expect(checks.map(({ name, detail }) => `${name}: ${detail}`)).toEqual(
      expect.arrayContaining([
        "node n3: runs, and lets nobody in",
        "Patroni's settings: failsafe_mode is off: writes stop while etcd is away",
        "Postgres through n1: postgres-primary 0/3",
        "Postgres through n3: HAProxy does not answer",
      ]),
    );
    expect(renderChecks(checks)).toMatch(/FAIL .* node n3/);
  });

  it("finds what is well to be well", async () => {
    expect(await named("Postgres")).toEqual({
      name: "Postgres",
      ok: true,
      detail: "3 members, postgres-0 leads",
    });
    expect(await named("PgBouncer")).toMatchObject({ ok: true });
    expect(await named("etcd")).toMatchObject({ ok: true, detail: "n1 leads" });
  });

  it("warns a month before a certificate ends", () => {
    const file = join(dir, "key.pem");
    const args = ["req", "-x509", "-newkey", "ed25519", "-nodes", "-days", "40", "-subj", "/CN=member"];
    const pem = execFileSync("openssl", [...args, "-keyout", file], { encoding: "utf8", stdio: "pipe" });
    const day = 86_400_000;
    expect(certificates("c", pem, Date.now())).toMatchObject({ ok: true });
    expect(certificates("c", pem, Date.now() + 15 * day)).toMatchObject({
      ok: false,
      detail: expect.stringMatching(
        /^1, the first ends in 24 days: CN=member; docs\/runbooks\/certificates.md/,
      ),
    });
    expect(certificates("c", "", 0)).toEqual({ name: "c", ok: false, detail: "there are none" });
  });
});

describe("debug", () => {
  const bundle = async () => {
    const output = join(dir, "bundle.tar.gz");
    await debugBundle(stack.access, { say: () => undefined, output });
    expect(statSync(output).mode & 0o777).toBe(0o600);
    const files = await parseTarGzip(readFileSync(output));
    return new Map(files.map(({ name, text }) => [name, text]));
  };

  it("holds status, journals and Kubernetes, and what could not be had as the reason", async () => {
    stack.answers.set("-u etcd", "the journal of etcd");
    stack.silent.add("n2");
    const files = await bundle();
    expect(files.get("nodes/n1/journal-etcd.txt")).toBe("the journal of etcd");
    expect(files.has("kubernetes/pods.txt")).toBe(true);
    expect(files.has("postgres/history.json")).toBe(true);
    expect(files.get("status.json")).toContain("postgres-0");
    expect(stack.ran.filter((line) => /get [^;]*secrets[^;]*-o (json|yaml)/.test(line))).toEqual([]);
  });

  it("holds no secret, in none of its forms", async () => {
    const password = "password-of-app_rw";
    const forms = [
      password,
      Buffer.from(password).toString("base64"),
      "SCRAM-SHA-256$4096:c2FsdA==$aGFzaA==:a2V5",
    ];
    stack.answers.set("-u k3s", `one ${forms.join(" two ")} three`);
    expect((await bundle()).get("nodes/n1/journal-k3s.txt")).toBe(
      "one [removed] two [removed] two [removed] three",
    );
  });

  it("is not written while a secret is in it that redaction did not see", async () => {
    stack.answers.set("-u k3s", "password-of-\n  app_rw");
    await expect(bundle()).rejects.toThrow(
      "nothing was written: a secret of the stack is still in nodes/n1/journal-k3s.txt, nodes/n2/journal-k3s.txt, nodes/n3/journal-k3s.txt",
    );
  });

  it("knows private keys, tokens and passwords by their looks", () => {
    const secrets = secretsOf(stack.access.exports);
    const key = "-----BEGIN EC PRIVATE KEY-----\nMHcCAQEE\n-----END EC PRIVATE KEY-----";
    expect(redact(`a ${key} password=hunter2hunter2 "token": "abcdefghij" b`, secrets)).toBe(
      'a [removed] password=[removed] "token": "[removed]" b',
    );
    expect(leaksIn("nothing to see", secrets)).toBe(false);
  });
});
