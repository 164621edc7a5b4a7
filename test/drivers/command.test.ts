import { spawn } from "node:child_process";
import { createHash, randomBytes } from "node:crypto";
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, afterEach, beforeAll, describe, expect, it, vi } from "vitest";
import { command } from "../../lab/drivers/command/index.ts";
import type { Properties } from "../../lab/engine/driver.ts";
import { contextFor, type TestContext } from "./support/context.ts";
import { freePort, prepareSshd, type Sshd } from "./support/sshd.ts";

const REMOTE = "command:remote:Command";
const LOCAL = "command:local:Command";

let sshd: Sshd;
let scratch: string;
let savedTmp: string | undefined;
beforeAll(async () => {
  sshd = await prepareSshd();
  await sshd.start();
  scratch = mkdtempSync(join(tmpdir(), "gardenos-command-test-"));
  savedTmp = process.env["TMPDIR"];
  mkdirSync(join(scratch, "tmp"));
  process.env["TMPDIR"] = join(scratch, "tmp");
});
afterAll(async () => {
  if (savedTmp === undefined) delete process.env["TMPDIR"];
  else process.env["TMPDIR"] = savedTmp;
  rmSync(scratch, { recursive: true });
  await sshd.remove();
});
/** Whatever happened, no private key stays on the disk. */
afterEach(() => expect(readdirSync(join(scratch, "tmp"))).toEqual([]));

const connection = (change: Properties = {}): Properties => ({
  host: "127.0.0.1",
  port: sshd.port,
  user: "root",
  privateKey: sshd.clientKey,
  hostKey: sshd.hostKey,
  dialErrorLimit: 2,
  perDialTimeout: 15,
  ...change,
});
const remote = (inputs: Properties, ctx: TestContext = contextFor(REMOTE)) =>
  command.create(ctx, { connection: connection(), ...inputs });
const local = (inputs: Properties, ctx: TestContext = contextFor(LOCAL)) => command.create(ctx, inputs);

/** A script that tells its process id and stays; what is left of them is killed at the end. */
const stay = (file: string): string => `echo $$ >>${join(scratch, file)}; exec sleep 60`;
const stayed = (file: string): number[] => {
  const path = join(scratch, file);
  return existsSync(path) ? readFileSync(path, "utf8").trim().split("\n").map(Number) : [];
};
const killStayed = (file: string): void => {
  for (const pid of stayed(file)) process.kill(pid, "SIGKILL");
};

/** Command lines of all processes. */
function commandLines(): string[] {
  return readdirSync("/proc")
    .filter((name) => /^\d+$/.test(name))
    .map((pid) => {
      try {
        return readFileSync(`/proc/${pid}/cmdline`, "utf8").replaceAll("\0", " ");
      } catch {
        return "";
      }
    });
}

describe("remote.Command", () => {
  it("runs the script and answers inputs, stdout and stderr as the real provider", async () => {
    const ctx = contextFor(REMOTE);
    const inputs = {
      connection: connection(),
      create: "# greet\necho hello; echo >&2 oops",
      logging: "stderr",
    };
    const { id, outputs } = await command.create(ctx, inputs);
    expect(id).toMatch(/^thing[0-9a-f]{8}$/);
    expect(outputs).toEqual({ ...inputs, stdout: "hello", stderr: "oops" });
    expect(ctx.lines).toEqual(["oops"]);
  });

  it("streams 2 MB of stdin whole", async () => {
    const stdin = randomBytes(1_500_000).toString("base64");
    const { stdout } = (await remote({ create: "sha256sum", stdin })).outputs;
    expect(stdout).toBe(`${createHash("sha256").update(stdin).digest("hex")}  -`);
  });

  it("does not fail when the script leaves its stdin unread", async () => {
    const stdin = "x".repeat(2_000_000);
    expect((await remote({ create: "echo done", stdin })).outputs).toMatchObject({ stdout: "done" });
  });

  it("keeps key and stdin out of every command line", async () => {
    const canary = `canary-${randomBytes(8).toString("hex")}`;
    const started = join(scratch, "started");
    const go = join(scratch, "go");
    const create = `cat >/dev/null; touch ${started}; until [ -e ${go} ]; do sleep 0.05; done`;
    const running = remote({ create, stdin: canary });
    await vi.waitUntil(() => existsSync(started), 10_000);
    const seen = commandLines();
    writeFileSync(go, "");
    await running;
    expect(seen.some((line) => line.includes(started))).toBe(true);
    const secrets = [
      canary,
      ...sshd.clientKey.split("\n").filter((line) => /^[A-Za-z0-9+/=]{30,}$/.test(line)),
    ];
    expect(secrets.filter((secret) => seen.some((line) => line.includes(secret)))).toEqual([]);
  });

  it("names a failing script by its first comment, with exit code and stderr, without script and stdin", async () => {
    const create = "#!/bin/sh\n# bundle etcd\ncat >/dev/null; echo no space left >&2; exit 7";
    await expect(remote({ create, stdin: "canary" })).rejects.toThrow(
      /^command: "# bundle etcd" ended with exit code 7:\nno space left$/,
    );
    await expect(remote({ create: "exit 255" })).rejects.toThrow(
      /^command: the script ended with exit code 255 and said nothing on stderr$/,
    );
  });

  it.each([0, 1])("stops at once at another host key (%i)", async (which) => {
    const ctx = contextFor(REMOTE);
    const proof = join(scratch, "proof");
    const inputs = {
      connection: connection({ hostKey: sshd.wrongHostKeys[which] }),
      create: `touch ${proof}`,
    };
    await expect(command.create(ctx, inputs)).rejects.toThrow(
      `ssh: root@127.0.0.1:${sshd.port}: host key mismatch. Another machine answers there, or the server was ` +
        "rebuilt behind the program's back: check it, then run refresh",
    );
    expect(ctx.lines).toEqual([]);
    expect(existsSync(proof)).toBe(false);
  });

  it("refuses a connection without a host key, or one it can't read", async () => {
    const { hostKey: _, ...unpinned } = connection();
    const reason = "no host key: pin the host's public key, the lab makes no unpinned connection";
    expect(command.check?.(REMOTE, { connection: unpinned }).failures).toEqual([
      { property: "connection.hostKey", reason },
    ]);
    await expect(remote({ connection: unpinned, create: "true" })).rejects.toThrow(
      `Command: connection.hostKey: ${reason}`,
    );
    expect(
      command.check?.(REMOTE, { connection: connection({ hostKey: "nonsense" }) }).failures,
    ).toHaveLength(1);
  });

  it("says when the server refuses the key", async () => {
    const inputs = { connection: connection({ privateKey: sshd.strangerKey }), create: "true" };
    await expect(remote(inputs)).rejects.toThrow(
      `ssh: root@127.0.0.1:${sshd.port}: the server refused the key (permission denied). The server does not know ` +
        "the deploy key: check authorized_keys on it, or rebuild the server",
    );
  });

  it("dials as often as asked, then says that nothing answers", async () => {
    const ctx = contextFor(REMOTE);
    const port = await freePort();
    await expect(command.create(ctx, { connection: connection({ port }), create: "true" })).rejects.toThrow(
      new RegExp(
        `^ssh: root@127.0.0.1:${port}: connect to host 127.0.0.1 port ${port}: Connection refused. Check`,
      ),
    );
    expect(ctx.lines).toEqual([expect.stringMatching(/^waiting for SSH \(dial 1 of 2\): connect to host/)]);
  });

  it("gets through to a server that comes up late", async () => {
    await sshd.stop();
    const ctx = contextFor(REMOTE);
    const running = remote({ connection: connection({ dialErrorLimit: 30 }), create: "echo up" }, ctx);
    await vi.waitUntil(() => ctx.lines.length >= 2, 10_000);
    await sshd.start();
    expect((await running).outputs).toMatchObject({ stdout: "up" });
  });

  it("says that the script may have run in part when the connection breaks, and does not run it again", async () => {
    const running = remote({ create: stay("broken") });
    const outcome = expect(running).rejects.toThrow(
      /^ssh: the connection to 127.0.0.1 broke while the script ran \(.*\). It may have run in part: run again.$/,
    );
    await vi.waitUntil(() => stayed("broken").length > 0, 10_000);
    sshd.killSessions();
    await outcome;
    expect(stayed("broken")).toHaveLength(1);
    killStayed("broken");
  });

  it("ends with the run when that is cancelled", async () => {
    const ctx = contextFor(REMOTE);
    const running = remote({ create: stay("cancelled") }, ctx);
    const outcome = expect(running).rejects.toThrow("cancelled by hand");
    await vi.waitUntil(() => stayed("cancelled").length > 0, 10_000);
    ctx.abort.abort(new Error("cancelled by hand"));
    await outcome;
    expect(commandLines().filter((line) => line.startsWith("ssh ") && line.includes("cancelled"))).toEqual(
      [],
    );
    killStayed("cancelled");
  });

  it("says so when a script is too long for a command line", async () => {
    await expect(remote({ create: `# ${"x".repeat(131_072)}` })).rejects.toThrow(
      "ssh: the script has 131074 bytes, at most 131071 fit: use stdin for data",
    );
  });

  it("rejects other ways to sign in, and variables that the server would drop", () => {
    const inputs = { connection: connection({ password: "x" }), environment: { A: "1" } };
    const reason = "the lab's driver does not support it";
    expect(command.check?.(REMOTE, inputs).failures).toEqual([
      { property: "connection.password", reason },
      { property: "environment", reason },
    ]);
  });
});

describe("killed with the engine", () => {
  it("leaves no ssh, and the next run removes its key", async () => {
    const driver = new URL("../../lab/drivers/command/index.ts", import.meta.url).href;
    const inputs = { connection: connection(), create: stay("orphan") };
    const engine = `const { command } = await import(${JSON.stringify(driver)});
      const ctx = { type: "${REMOTE}", name: "x", signal: new AbortController().signal, log() {} };
      await command.create(ctx, JSON.parse(process.env.INPUTS));`;
    const child = spawn(process.execPath, ["--input-type=module", "-e", engine], {
      env: { ...process.env, INPUTS: JSON.stringify(inputs) },
      stdio: "ignore",
    });
    await vi.waitUntil(() => stayed("orphan").length > 0, 20_000);
    const ended = new Promise((resolve) => child.once("exit", resolve));
    child.kill("SIGKILL");
    await ended;
    const clients = () => commandLines().filter((line) => line.startsWith("ssh ") && line.includes("orphan"));
    await vi.waitUntil(() => clients().length === 0, 5_000);
    expect(readdirSync(join(scratch, "tmp"))).toHaveLength(1);
    await remote({ create: "true" });
    killStayed("orphan");
  });
});

describe("local.Command", () => {
  it("runs here with directory, variables, interpreter and stdin", async () => {
    const inputs = {
      create: "import os,sys; print(os.getcwd(), os.environ['WHO'], sys.stdin.read())",
      interpreter: ["python3", "-c"],
      dir: scratch,
      environment: { WHO: "lab" },
      stdin: "in",
    };
    expect((await local(inputs)).outputs).toEqual({ ...inputs, stdout: `${scratch} lab in`, stderr: "" });
  });

  it("makes an update with `update`, else with `create`, and offers what was printed before", async () => {
    const old = {
      id: "x",
      inputs: { create: "echo one" },
      outputs: { create: "echo one", stdout: "one", stderr: "" },
    };
    const update = (news: Properties) => command.update?.(contextFor(LOCAL), old, news);
    const script = "echo was $PULUMI_COMMAND_STDOUT";
    expect(await update({ create: "echo one", update: script })).toMatchObject({ stdout: "was one" });
    expect(await update({ create: script })).toMatchObject({ stdout: "was one" });
    expect(await update({ create: script, addPreviousOutputInEnv: false })).toMatchObject({ stdout: "was" });
    expect(await update({ delete: "true" })).toEqual({ delete: "true", stdout: "one", stderr: "" });
  });

  it("runs `delete` when it goes, and nothing without one", async () => {
    const mark = join(scratch, "deleted");
    const old = {
      id: "x",
      outputs: { stdout: "made" },
      inputs: { delete: `echo $PULUMI_COMMAND_STDOUT >${mark}` },
    };
    await command.delete?.(contextFor(LOCAL), old);
    expect(readFileSync(mark, "utf8")).toBe("made\n");
    await command.delete?.(contextFor(LOCAL), { id: "x", outputs: {}, inputs: { create: "exit 1" } });
  });

  it("logs nothing when told so", async () => {
    const ctx = contextFor(LOCAL);
    await local({ create: "echo secret; echo secret >&2", logging: "none" }, ctx);
    expect(ctx.lines).toEqual([]);
  });

  it("says when the program is not there", async () => {
    await expect(local({ create: "x", interpreter: ["/nowhere/sh"] })).rejects.toThrow(
      /^command: the script ended with exit code 127:\nsetpriv: failed to execute \/nowhere\/sh/,
    );
  });
});

describe("changes", () => {
  it("are made in place, but for triggers", () => {
    const old = { inputs: { create: "a", stdin: "1", triggers: [1] }, outputs: {} };
    const news = { create: "b", stdin: "2", triggers: [2] };
    expect(command.diff?.(REMOTE, old, news)).toEqual({
      changed: ["create", "stdin", "triggers"],
      replace: ["triggers"],
    });
  });
});
