/** A real OpenSSH server on loopback with a configuration of its own, for root by key. */
import { type ChildProcess, execFileSync, spawn } from "node:child_process";
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";

const SSHD = "/usr/sbin/sshd";
/** Compiled into sshd; the package's service makes it when it starts. */
const PRIVILEGE_SEPARATION = "/run/sshd";

export interface Sshd {
  readonly port: number;
  readonly hostKey: string;
  readonly clientKey: string;
  /** A key that the server does not know. */
  readonly strangerKey: string;
  /** Host keys, one of the same type and one of another, that the server does not have. */
  readonly wrongHostKeys: readonly string[];
  readonly folder: string;
  start(): Promise<void>;
  stop(): Promise<void>;
  /** Ends the server's side of every open session, as a power cut would, without a word. */
  killSessions(): void;
  remove(): Promise<void>;
}

function makeKey(folder: string, name: string, type = "ed25519"): { key: string; pub: string } {
  const path = join(folder, name);
  execFileSync("ssh-keygen", ["-q", "-t", type, "-N", "", "-C", "", "-f", path]);
  return { key: readFileSync(path, "utf8"), pub: readFileSync(`${path}.pub`, "utf8") };
}

export function freePort(): Promise<number> {
  return new Promise((resolve) => {
    const probe = createServer().listen(0, "127.0.0.1", () => {
      const address = probe.address();
      probe.close(() => resolve(typeof address === "object" && address ? address.port : 0));
    });
  });
}

export async function prepareSshd(): Promise<Sshd> {
  if (!existsSync(SSHD)) throw new Error("these tests need openssh-server: apt-get install openssh-server");
  const ownsSeparation = !existsSync(PRIVILEGE_SEPARATION);
  mkdirSync(PRIVILEGE_SEPARATION, { recursive: true, mode: 0o755 });
  const folder = mkdtempSync(join(tmpdir(), "gardenos-sshd-test-"));
  const host = makeKey(folder, "host");
  const client = makeKey(folder, "client");
  const port = await freePort();
  writeFileSync(join(folder, "authorized_keys"), client.pub, { mode: 0o600 });
  const config = [
    "ListenAddress 127.0.0.1",
    `Port ${port}`,
    `HostKey ${join(folder, "host")}`,
    `AuthorizedKeysFile ${join(folder, "authorized_keys")}`,
    `PidFile ${join(folder, "pid")}`,
    ...["UsePAM no", "PasswordAuthentication no", "PermitRootLogin prohibit-password", "StrictModes no"],
  ];
  writeFileSync(join(folder, "config"), `${config.join("\n")}\n`);
  let server: ChildProcess | undefined;

  const stop = async (): Promise<void> => {
    const running = server;
    server = undefined;
    if (running === undefined || running.exitCode !== null) return;
    const ended = new Promise((resolve) => running.once("exit", resolve));
    running.kill("SIGTERM");
    await ended;
  };
  return {
    port,
    folder,
    hostKey: host.pub,
    clientKey: client.key,
    strangerKey: makeKey(folder, "stranger").key,
    wrongHostKeys: [makeKey(folder, "other").pub, makeKey(folder, "other-ecdsa", "ecdsa").pub],
    async start() {
      const started = spawn(SSHD, ["-D", "-e", "-f", join(folder, "config")], {
        stdio: ["ignore", "ignore", "pipe"],
      });
      server = started;
      await new Promise<void>((resolve, reject) => {
        let said = "";
        started.stderr?.on("data", (chunk: Buffer) => {
          said += chunk.toString();
          if (said.includes("Server listening")) resolve();
        });
        started.once("exit", () => reject(new Error(`sshd ended: ${said}`)));
      });
    },
    stop,
    killSessions() {
      const children = execFileSync("ps", ["-o", "pid=", "--ppid", String(server?.pid)]).toString();
      for (const pid of children.trim().split(/\s+/).map(Number)) process.kill(pid, "SIGKILL");
    },
    async remove() {
      await stop();
      rmSync(folder, { recursive: true, force: true });
      if (ownsSeparation) rmSync(PRIVILEGE_SEPARATION, { recursive: true, force: true });
    },
  };
}
