/** The life cycle of labs, above all its bad ends. Needs root and an image. */
import { existsSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { join } from "node:path";
import { afterEach, beforeEach, expect, it, vi } from "vitest";
import { cleanLeftovers, daemonStatus, inLabNetns, startDaemon, stopDaemon } from "../../lab/daemon.ts";
import { networkNamespace } from "../../lab/machines/processes.ts";
import { eventually } from "./support/eventually.ts";
import { makeTestLab, type TestLab, testRootfs } from "./support/lab.ts";
import { nspawnFiles, traces } from "./support/traces.ts";

vi.setConfig({ testTimeout: 90_000, hookTimeout: 90_000 });

const IP = "198.51.100.11";
let lab: TestLab;

/** The daemon's process id and network name space. */
function running(of: TestLab): { readonly pid: number; readonly namespace: string } {
  const status = daemonStatus(of.ctx);
  if (!status.running) throw new Error("the lab is not running");
  return { pid: status.pid, namespace: networkNamespace(status.pid) ?? "" };
}

async function untilReachable(of: TestLab): Promise<void> {
  await eventually(async () => expect(await of.ssh(IP, "true")).toMatchObject({ status: 0 }));
}

async function killDaemon(of: TestLab): Promise<string> {
  const { pid, namespace } = running(of);
  process.kill(pid, "SIGKILL");
  await eventually(() => expect(daemonStatus(of.ctx)).toEqual({ running: false }));
  return namespace;
}

beforeEach(async () => {
  lab = await makeTestLab();
});

afterEach(() => lab.dispose());

it("leaves nothing behind when it is stopped, and brings its machines back when it is started", async () => {
  const before = nspawnFiles();
  await lab.start();
  await lab.call("create", lab.spec(11));
  await untilReachable(lab);
  const { namespace } = running(lab);
  expect(traces(lab.ctx, namespace)).not.toEqual([]);
  expect(nspawnFiles()).toEqual(before);
  await lab.ssh(IP, "echo kept > /root/mark");

  await lab.stop();
  expect(traces(lab.ctx, namespace)).toEqual([]);
  expect(nspawnFiles()).toEqual(before);

  await lab.start();
  await untilReachable(lab);
  expect(await lab.ssh(IP, "cat /root/mark")).toMatchObject({ stdout: "kept\n" });
});

it("starts and stops twice without complaint", async () => {
  await lab.start();
  const { pid } = running(lab);
  await lab.start();
  expect(running(lab).pid).toBe(pid);
  await lab.stop();
  await lab.stop();
  expect(daemonStatus(lab.ctx)).toEqual({ running: false });
});

it("starts once when two ask at the same time", async () => {
  await Promise.all([lab.start(), lab.start()]);
  expect(readFileSync(lab.ctx.daemonLog, "utf8").match(/ ready, /g)).toHaveLength(1);
});

it("starts again after its daemon was killed", async () => {
  await lab.start();
  await lab.call("create", lab.spec(11));
  await untilReachable(lab);
  await killDaemon(lab);
  expect(traces(lab.ctx)).not.toEqual([]);
  await lab.start();
  await untilReachable(lab);
  expect(await lab.call("state", 11)).toBe("running");
});

it("stops after its daemon was killed, with all that runs in its name space", async () => {
  await lab.start();
  await lab.call("create", lab.spec(11));
  const mark = join(lab.ctx.dir, "visitor");
  const visitor = lab.exec(["sh", "-c", `touch ${mark}; exec sleep 300`]);
  await eventually(() => expect(existsSync(mark)).toBe(true));
  const namespace = await killDaemon(lab);
  await lab.stop();
  expect(traces(lab.ctx, namespace)).toEqual([]);
  expect(await visitor).toMatchObject({ status: -1 });
});

it("stops when its folder was removed while it ran", async () => {
  await lab.start();
  await lab.call("create", lab.spec(11));
  const { namespace } = running(lab);
  rmSync(lab.ctx.dir, { recursive: true, force: true });
  await lab.stop();
  expect(traces(lab.ctx, namespace)).toEqual([]);
});

it("does not clean up under a running daemon", async () => {
  await lab.start();
  const { pid } = running(lab);
  await expect(cleanLeftovers(lab.ctx)).rejects.toThrow(`the lab is running (pid ${pid}); stop it first`);
});

it("runs beside another lab, at the same addresses", async () => {
  const other = await makeTestLab();
  try {
    await Promise.all([lab.start(), other.start()]);
    await Promise.all([lab, other].map((it) => it.call("create", it.spec(11))));
    await Promise.all([lab, other].map(untilReachable));
    await lab.ssh(IP, "touch /root/first");
    expect(await other.ssh(IP, "ls /root/first")).toMatchObject({ status: 2 });
    await lab.stop();
    expect(traces(lab.ctx)).toEqual([]);
    expect(await other.ssh(IP, "true")).toMatchObject({ status: 0 });
  } finally {
    await other.dispose();
  }
});

it("serves object storage from when it is asked to until it ends", async () => {
  const emulated = await makeTestLab({ cloud: "emulated" });
  const order = {
    program: join(import.meta.dirname, "support/storage-program.ts"),
    ...{ region: "lab", bucket: "files", accessKeyId: "test", secretAccessKey: "test" },
  };
  const ask = (...argv: string[]) => emulated.exec(["curl", "-sS", ...argv], JSON.stringify(order));
  const serve = () => ask("--data-binary", "@-", "http://127.0.0.1:4100/_lab/object-storage");
  const storage = "http://192.0.2.1:9000/";
  try {
    await emulated.start();
    expect(await ask(storage)).toMatchObject({ status: 7 });
    expect(await serve()).toMatchObject({ status: 0, stdout: "" });
    expect(await ask(storage)).toMatchObject({ stdout: "from object storage\n" });
    const { namespace } = running(emulated);
    await emulated.stop();
    expect(traces(emulated.ctx, namespace)).toEqual([]);
    expect(readdirSync(join(emulated.ctx.storageDir, "data"))).toEqual(["files"]);
  } finally {
    await emulated.dispose();
  }
});

it("says what went wrong and leaves nothing when it can't start", async () => {
  const missing = join(lab.ctx.dir, "missing.ts");
  const options = {
    rootfsDir: testRootfs(),
    artifactDir: "/",
    token: "test",
    aiApiKeysFile: "nobody-asks",
    cloudModule: missing,
  };
  await expect(startDaemon(lab.ctx, options)).rejects.toThrow(
    /^the lab's daemon did not start: Cannot find module/,
  );
  expect(traces(lab.ctx)).toEqual([]);
});

it("says what went wrong when a machine can't boot", async () => {
  await lab.start();
  await expect(lab.call("create", { ...lab.spec(11), name: "bad name" })).rejects.toThrow(
    "server 11 (bad name): wanted to boot",
  );
  expect(readdirSync(lab.ctx.machinesDir)).toEqual([]);
  expect(await lab.exec(["ip", "route"])).toMatchObject({ stdout: "" });
});

it("names the way up while it is down", async () => {
  expect(() => inLabNetns(lab.ctx, ["true"])).toThrow("the lab is not running; start it with `make up`");
  await expect(stopDaemon(lab.ctx)).resolves.toBeUndefined();
});
