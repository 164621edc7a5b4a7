/** A lab of its own for a test, in a folder of its own, with the hypervisor's calls at hand. */
import { execFile } from "node:child_process";
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  realpathSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { defaultCacheDir } from "../../../lab/artifacts/cache.ts";
import type { MachineSpec } from "../../../lab/cloud/hypervisor.ts";
import { type LabContext, labContext } from "../../../lab/context.ts";
import { inLabNetns, startDaemon, stopDaemon } from "../../../lab/daemon.ts";
import { run } from "../../../lab/machines/run.ts";
import type { Call, Target } from "./direct-cloud.ts";

const execute = promisify(execFile);

export interface Answer {
  readonly status: number;
  readonly stdout: string;
  readonly stderr: string;
}

export interface TestLab {
  readonly ctx: LabContext;
  start(): Promise<void>;
  stop(): Promise<void>;
  /** Stops it and removes its folder. */
  dispose(): Promise<void>;
  /** A call of the hypervisor or the load balancers; rejects with its error. */
  call<M extends keyof Target>(method: M, ...args: Parameters<Target[M]>): Promise<unknown>;
  /** Runs a command in the lab's name space. */
  exec(argv: readonly string[], stdin?: string): Promise<Answer>;
  /** Runs a shell command on a machine as root, accepting only the lab's host key. */
  ssh(
    ip: string,
    command: string,
    options?: { readonly from?: string; readonly stdin?: string },
  ): Promise<Answer>;
  /** A spec whose user-data carries the lab's host key and whose root key the lab can use. */
  spec(id: number): MachineSpec;
}

/** The image to test with. */
export function testRootfs(): string {
  const named = process.env["GARDENOS_TEST_ROOTFS"];
  if (named) return named;
  const folder = join(defaultCacheDir(), "rootfs");
  const built = existsSync(folder) ? readdirSync(folder).map((key) => join(folder, key, "root")) : [];
  const found = built.find((dir) => existsSync(join(dir, "usr")));
  if (found) return found;
  throw new Error(
    `these tests boot real machines, but ${folder} has no image; run \`make up\` once, or set GARDENOS_TEST_ROOTFS`,
  );
}

interface TestLabOptions {
  /** `emulated`: the API of every lab, which {@link TestLab.call} does not know. @default the hypervisor's own calls */
  readonly cloud?: "emulated" | "direct";
}

export async function makeTestLab({ cloud = "direct" }: TestLabOptions = {}): Promise<TestLab> {
  const checkout = realpathSync(mkdtempSync(join(tmpdir(), "gardenos-machines-")));
  const ctx = labContext(checkout, join(checkout, "cache"));
  const artifactDir = join(checkout, "artifacts");
  mkdirSync(artifactDir);
  writeFileSync(join(artifactDir, "hello.txt"), "from the lab\n");
  const key = async (name: string, type: string) => {
    await run(["ssh-keygen", "-q", "-t", type, "-N", "", "-C", "", "-f", join(checkout, name)]);
    return {
      secret: (await run(["cat", join(checkout, name)])).trimEnd(),
      public: (await run(["cat", join(checkout, `${name}.pub`)])).trim(),
    };
  };
  const [user, host] = [await key("user", "ed25519"), await key("host", "ecdsa")];
  const knownHosts = join(checkout, "known_hosts");
  writeFileSync(knownHosts, `* ${host.public}\n`);
  const exec = async (argv: readonly string[], stdin = ""): Promise<Answer> => {
    const [program = "", ...args] = inLabNetns(ctx, argv);
    const running = execute(program, args, { timeout: 60_000 });
    running.child.stdin?.on("error", () => undefined).end(stdin);
    return running.then(
      ({ stdout, stderr }) => ({ status: 0, stdout, stderr }),
      (error) => ({ status: error.code ?? -1, stdout: error.stdout, stderr: error.stderr }),
    );
  };
  const start = () =>
    startDaemon(ctx, {
      rootfsDir: testRootfs(),
      artifactDir,
      token: "test",
      aiApiKeysFile: "nobody-asks",
      ...(cloud === "direct" && { cloudModule: join(import.meta.dirname, "direct-cloud.ts") }),
    });
  return {
    ctx,
    start,
    exec,
    stop: () => stopDaemon(ctx),
    dispose: async () => {
      await stopDaemon(ctx);
      rmSync(checkout, { recursive: true, force: true });
    },
    call: async (method, ...args) => {
      const body = JSON.stringify({ method, args } satisfies Call);
      const { stdout, stderr } = await exec(["curl", "-sS", "--data-binary", body, "http://127.0.0.1:4100/"]);
      if (stdout === "") throw new Error(`no answer: ${stderr}`);
      const { error, result } = JSON.parse(stdout) as { error?: string; result?: unknown };
      if (error !== undefined) throw new Error(error);
      return result;
    },
    ssh: (ip, command, { from, stdin } = {}) => {
      const options = [
        "BatchMode=yes",
        "ConnectTimeout=3",
        "StrictHostKeyChecking=yes",
        `UserKnownHostsFile=${knownHosts}`,
        "GlobalKnownHostsFile=none",
        `IdentityFile=${join(checkout, "user")}`,
        "IdentitiesOnly=yes",
      ].flatMap((option) => ["-o", option]);
      const argv = ["ssh", "-F", "none", ...options, ...(from ? ["-b", from] : []), `root@${ip}`, command];
      return exec(argv, stdin);
    },
    spec: (id) => ({
      id,
      name: `m${id}`,
      publicIp: `198.51.100.${id}`,
      image: "debian-13",
      userData: `#cloud-config\n${JSON.stringify({
        ssh_deletekeys: true,
        ssh_keys: { ecdsa_private: `${host.secret}\n`, ecdsa_public: host.public },
      })}\n`,
      sshKeys: [user.public],
      memoryGb: 2,
    }),
  };
}
