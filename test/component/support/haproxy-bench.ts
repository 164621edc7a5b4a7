/** A real HAProxy with a rendered configuration, in network and mount namespaces of its own. */
import { type ChildProcess, execFileSync, fork, spawn } from "node:child_process";
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { connect } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { EMPTY_DRAIN_LIST, renderHaproxyConfig, renderPem } from "../../../components/haproxy-lb/render.ts";
import { repositoryPath } from "../../../lib/repository-file.ts";
import type { Request } from "./haproxy-agent.ts";

const NODES = [1, 2, 3].map((n) => ({ key: `n${n}`, ip: `10.0.1.${10 + n}` }));
const ADDRESSES = [...NODES.map((node) => node.ip), "10.0.1.5", "10.42.0.7", "203.0.113.10", "198.51.100.66"];

/** What has addresses and files of its own before it becomes the agent. */
const NAMESPACE = `set -eu
ip link set lo up
for address in ${ADDRESSES.join(" ")}; do ip address add "$address/32" dev lo; done
mount --bind "$1" /etc/haproxy
mount -t tmpfs tmpfs /run
mkdir -p /run/haproxy
shift
exec "$@"
`;

export const CONFIG = {
  ip: "10.0.1.11",
  nodes: NODES,
  servers: NODES,
  access: { adminCidrs: ["203.0.113.10/32"], podCidr: "10.42.0.0/16", loadBalancerIp: "10.0.1.5" },
  settings: { connectTimeoutSeconds: 1, idleTimeoutSeconds: 3600, hardStopSeconds: 1800 },
  ingress: { ping: true },
  stats: { user: "gardenos", password: "not-so-secret" },
} as const;

export interface Bench {
  /** Has the agent do something; what was refused is told as `refused: …`. */
  ask(request: Request): Promise<string>;
  /** Runs a command within the namespaces; answers its standard output. */
  run(command: string, ...args: string[]): string;
  /** `haproxy-node COMMAND`, word for word as a node has it. */
  node(command: string): string;
  /** State of each server of a backend, from the running process. */
  states(backend: string): Promise<Readonly<Record<string, string>>>;
  install(config: string): void;
  reload(): void;
  stop(): Promise<void>;
}

/** Authority, server and client certificates by openssl. */
function makePki(folder: string): void {
  const issue = (name: string, subject: string, ...more: string[]) =>
    execFileSync(
      "openssl",
      [
        ...["req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "2"],
        ...["-subj", `/CN=${subject}`, "-out", `${name}.crt`, "-keyout", `${name}.key`, ...more],
      ],
      { cwd: folder, stdio: "pipe" },
    );
  const signed = ["-CA", "ca.crt", "-CAkey", "ca.key", "-addext", "basicConstraints=CA:FALSE"];
  issue("ca", "authority");
  issue("server", "k3s", ...signed, "-addext", "subjectAltName=DNS:kubernetes,IP:10.0.1.11");
  issue("client", "gardenos:haproxy", ...signed);
}

function installFiles(etc: string, pki: string): void {
  const read = (name: string) => readFileSync(join(pki, name), "utf8");
  mkdirSync(join(etc, "pki"), { recursive: true });
  writeFileSync(join(etc, "haproxy.cfg"), renderHaproxyConfig(CONFIG));
  writeFileSync(join(etc, "drain.lst"), EMPTY_DRAIN_LIST);
  writeFileSync(join(etc, "pki/api-ca.pem"), read("ca.crt"));
  writeFileSync(join(etc, "pki/api-check.pem"), renderPem(read("client.crt"), read("client.key")));
  writeFileSync(join(etc, "pki/stats.pem"), renderPem(read("server.crt"), read("server.key")));
}

/** Requests to the agent are numbered; answers may come in any order. */
async function startAgent(etc: string, pki: string) {
  const agent = fork(join(import.meta.dirname, "haproxy-agent.ts"), [pki], {
    execPath: "unshare",
    execArgv: ["--net", "--mount", "sh", "-c", NAMESPACE, "sh", etc, process.execPath],
  });
  const waiting = new Map<number, (result: string) => void>();
  agent.on("message", ({ id, result }: { id: number; result: string }) => waiting.get(id)?.(result));
  await new Promise<string>((resolve, reject) => {
    waiting.set(0, resolve);
    agent.once("exit", (code) => reject(new Error(`the agent ended with ${code}`)));
  });
  let last = 0;
  const ask = (request: Request) =>
    new Promise<string>((resolve) => {
      last += 1;
      waiting.set(last, resolve);
      agent.send({ id: last, request });
    });
  return { agent, ask };
}

function startHaproxy(pid: number): ChildProcess {
  const args = ["-n", "-m", "-t", String(pid), "haproxy", "-W", "-f", "/etc/haproxy/haproxy.cfg"];
  return spawn("nsenter", args, { stdio: "ignore" });
}

const ended = (child: ChildProcess) =>
  new Promise<void>((resolve) => {
    if (child.exitCode !== null || child.signalCode !== null) resolve();
    else child.once("exit", () => resolve());
  });

export async function startBench(): Promise<Bench> {
  for (const tool of ["/usr/sbin/haproxy", "/usr/bin/socat"]) {
    if (!existsSync(tool)) throw new Error("these tests need HAProxy: apt-get install haproxy socat");
  }
  const folder = mkdtempSync(join(tmpdir(), "gardenos-haproxy-"));
  const [etc, pki] = [join(folder, "etc"), join(folder, "pki")];
  mkdirSync(pki);
  makePki(pki);
  installFiles(etc, pki);
  const { agent, ask } = await startAgent(etc, pki);
  const pid = agent.pid ?? 0;
  const haproxy = startHaproxy(pid);
  const run = (command: string, ...args: string[]) =>
    execFileSync("nsenter", ["-n", "-m", "-t", String(pid), command, ...args], {
      encoding: "utf8",
      stdio: "pipe",
    });
  return {
    ask,
    run,
    node: (command) => run("bash", repositoryPath("files/haproxy/haproxy-node.sh"), command),
    states: async (backend) => {
      const rows = (await askSocket(pid, "show stat -1 4 -1")).split("\n").map((row) => row.split(","));
      const column = rows[0]?.indexOf("status") ?? -1;
      return Object.fromEntries(
        rows.filter(([name]) => name === backend).map((row) => [row[1], row[column] ?? ""]),
      );
    },
    install: (config) => writeFileSync(join(etc, "haproxy.cfg"), config),
    reload: () => haproxy.kill("SIGUSR2"),
    stop: async () => {
      haproxy.kill("SIGTERM");
      await ended(haproxy);
      agent.disconnect();
      await ended(agent);
      rmSync(folder, { recursive: true });
    },
  };
}

/** One command on the admin socket, through the agent's view of the file system. */
function askSocket(pid: number, command: string): Promise<string> {
  return new Promise((resolve, reject) => {
    const socket = connect(`/proc/${pid}/root/run/haproxy/admin.sock`);
    let text = "";
    socket.on("data", (data) => {
      text += data.toString();
    });
    socket.on("error", reject).on("end", () => resolve(text));
    socket.write(`${command}\n`);
  });
}
