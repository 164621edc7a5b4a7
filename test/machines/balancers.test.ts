/** Load balancers that forward to real machines. Needs root, an image and HAProxy. */
import { spawn } from "node:child_process";
import { readdirSync, readFileSync, readlinkSync } from "node:fs";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { afterAll, beforeAll, beforeEach, describe, expect, it, vi } from "vitest";
import { LAB_NET } from "../../lab/addresses.ts";
import type { BalancerSpec, HealthCheck, ServiceSpec } from "../../lab/cloud/balancers.ts";
import type { Nic } from "../../lab/cloud/hypervisor.ts";
import { daemonStatus, inLabNetns } from "../../lab/daemon.ts";
import { eventually } from "./support/eventually.ts";
import { type Answer, makeTestLab, type TestLab } from "./support/lab.ts";
import { traces } from "./support/traces.ts";

vi.setConfig({ testTimeout: 90_000, hookTimeout: 90_000 });

const [A, B] = [11, 12];
const PUBLIC = "198.51.100.200";
const PRIVATE = "10.0.1.5";
const TARGET = join(import.meta.dirname, "support", "target.py");

const nic = (id: number): Nic => ({
  networkId: 7,
  ip: `10.0.1.${id}`,
  ipRange: "10.0.0.0/16",
  gateway: "10.0.0.1",
  mac: `86:00:00:00:00:${id}`,
});
const check: HealthCheck = {
  port: 7002,
  interval: 1,
  timeout: 1,
  retries: 2,
  http: { domain: "", path: "/healthz", response: "I am", statusCodes: ["2??"], tls: false },
};
const withHeader: ServiceSpec = { listenPort: 80, destinationPort: 7000, proxyProtocol: true, check };
const plain: ServiceSpec = { listenPort: 81, destinationPort: 7001, proxyProtocol: false, check };
const balancer: BalancerSpec = {
  id: 300,
  publicIp: PUBLIC,
  isPublic: true,
  nic: { networkId: 7, ip: PRIVATE, gateway: "10.0.0.1" },
  algorithm: "round_robin",
  services: [withHeader, plain],
  targets: [A, B].map((id) => ({ server: id, ip: `10.0.1.${id}`, isPrivate: true })),
};

let lab: TestLab;

/** Sends the lines it is given to an address and port, and prints the answers. */
const CLIENT = `
import socket, sys
address, port, source = sys.argv[1:]
connection = socket.create_connection((address, int(port)), 5, (source, 0) if source else None)
stream = connection.makefile("rw")
for line in sys.stdin:
    stream.write(line)
    stream.flush()
    print(stream.readline(), end="", flush=True)
`;

/** Asks once through the load balancer. Empty when the connection is refused or closed. */
async function ask(port: number, options: { at?: string; from?: string } = {}): Promise<string> {
  const { at = PUBLIC, from = LAB_NET.adminIp } = options;
  const { stdout } = await lab.exec(["python3", "-c", CLIENT, at, String(port), from], "x\n");
  return stdout.trim();
}

/** A connection that stays open. */
function talk(port: number) {
  const [file = "", ...argv] = inLabNetns(lab.ctx, ["python3", "-c", CLIENT, PUBLIC, String(port), ""]);
  const client = spawn(file, argv, { stdio: ["pipe", "pipe", "ignore"] });
  const answers = createInterface(client.stdout)[Symbol.asyncIterator]();
  return {
    say: async (): Promise<string> => {
      client.stdin.write("x\n");
      return (await answers.next()).value ?? "";
    },
    end: () => client.kill(),
  };
}
const names = async (count: number): Promise<readonly string[]> => {
  const answers: string[] = [];
  for (let n = 0; n < count; n += 1) answers.push((await ask(80)).split(" ")[0] ?? "");
  return [...new Set(answers)].sort();
};
const onMachine = (id: number, command: string): Promise<Answer> => lab.ssh(`198.51.100.${id}`, command);
const setHealth = (id: number, status: number) => onMachine(id, `echo ${status} > /run/health`);
const states = async () =>
  (await lab.call("health", balancer.id)) as readonly {
    server: number;
    listenPort: number;
    health: string;
  }[];
const untilHealthy = (wanted: Readonly<Record<number, string>>) =>
  eventually(async () => {
    const found = (await states()).filter(({ listenPort }) => listenPort === 80);
    expect(Object.fromEntries(found.map(({ server, health }) => [server, health]))).toEqual(wanted);
  });

beforeAll(async () => {
  lab = await makeTestLab();
  await lab.start();
  for (const id of [A, B]) {
    await lab.call("create", lab.spec(id));
    await lab.call("attachNic", id, nic(id));
  }
  const program = readFileSync(TARGET, "utf8");
  for (const id of [A, B]) {
    const ip = `198.51.100.${id}`;
    const start = `cat > /root/target.py; systemd-run -q --unit=target python3 /root/target.py m${id}`;
    await eventually(async () =>
      expect(await lab.ssh(ip, start, { stdin: program })).toMatchObject({ status: 0 }),
    );
  }
});
afterAll(() => lab.dispose());

beforeEach(async () => {
  await Promise.all([A, B].map((id) => setHealth(id, 200)));
  await lab.call("set", [balancer]);
  await untilHealthy({ [A]: "healthy", [B]: "healthy" });
});

describe("a load balancer", () => {
  it("spreads connections, and tells targets the client's address while it comes from its private one", async () => {
    expect(await ask(80)).toMatch(/^m1[12] 10\.0\.1\.5 203\.0\.113\.10$/);
    expect(await ask(80, { from: LAB_NET.strangerIp })).toMatch(/^m1[12] 10\.0\.1\.5 203\.0\.113\.99$/);
    expect(await names(4)).toEqual(["m11", "m12"]);
    expect(await ask(81)).toMatch(/^m1[12] 10\.0\.1\.5 -$/);
  });

  it("takes clients without an address of their own choice for the admin", async () => {
    expect(await ask(80, { from: "" })).toMatch(/ 203\.0\.113\.10$/);
  });

  it("serves machines on both sides, and the internet on the public side only", async () => {
    const via = (ip: string) =>
      onMachine(A, `timeout 5 bash -c 'exec 3<>/dev/tcp/${ip}/80; echo x >&3; head -1 <&3'`);
    expect((await via(PUBLIC)).stdout).toMatch(/^m1[12] 10\.0\.1\.5 198\.51\.100\.11\n$/);
    expect((await via(PRIVATE)).stdout).toMatch(/^m1[12] 10\.0\.1\.5 10\.0\.1\.11\n$/);
    expect(await ask(80, { at: PRIVATE })).toBe("");
  });

  it("opens nothing else: machines' private side stays closed to the internet", async () => {
    expect(await lab.exec(["curl", "-sS", "-m", "5", "http://10.0.1.11:7002/healthz"])).toMatchObject({
      status: 7,
    });
  });

  it("reaches targets from its public address where they are public, and firewalls apply", async () => {
    const targets = [A, B].map((id) => ({ server: id, ip: `198.51.100.${id}`, isPrivate: false }));
    await lab.call("set", [{ ...balancer, targets }]);
    await untilHealthy({ [A]: "healthy", [B]: "healthy" });
    expect(await ask(80)).toMatch(/^m1[12] 198\.51\.100\.200 203\.0\.113\.10$/);
    await lab.call("setFirewall", B, [{ protocol: "tcp", port: "22", sourceIps: ["0.0.0.0/0"] }]);
    await untilHealthy({ [A]: "healthy", [B]: "unhealthy" });
    await lab.call("setFirewall", B, undefined);
  });
});

describe("health checks", () => {
  it("take a target out when its status is another, and back in", async () => {
    await setHealth(A, 503);
    await untilHealthy({ [A]: "unhealthy", [B]: "healthy" });
    expect(await names(4)).toEqual(["m12"]);
    await setHealth(A, 201);
    await untilHealthy({ [A]: "healthy", [B]: "healthy" });
    expect(await names(4)).toEqual(["m11", "m12"]);
  });

  it("leave open connections alone, and nobody is served when no target is left", async () => {
    const connection = talk(80);
    const first = await connection.say();
    expect(first).toMatch(/^m1[12] /);
    await Promise.all([A, B].map((id) => setHealth(id, 500)));
    await untilHealthy({ [A]: "unhealthy", [B]: "unhealthy" });
    expect(await ask(80)).toBe("");
    expect(await connection.say()).toBe(first);
    // Not even a service that goes, and with it a new process, ends a connection of another one.
    await lab.call("set", [{ ...balancer, services: [withHeader] }]);
    await untilHealthy({ [A]: "unhealthy", [B]: "unhealthy" });
    expect(await ask(81)).toBe("");
    expect(await connection.say()).toBe(first);
    connection.end();
  });
});

describe("its process", () => {
  /** Processes that work in a load balancer's folder. */
  const processes = (): readonly string[] =>
    readdirSync("/proc").filter((pid) => {
      try {
        return readlinkSync(`/proc/${pid}/cwd`).startsWith(lab.ctx.balancersDir);
      } catch {
        return false;
      }
    });

  it("ends with the load balancer, with the lab, and with a lab that is killed", async () => {
    expect(processes()).not.toEqual([]);
    await lab.call("set", []);
    expect(processes()).toEqual([]);
    expect(await ask(80)).toBe("");

    await lab.call("set", [balancer]);
    const daemon = daemonStatus(lab.ctx);
    if (daemon.running) process.kill(daemon.pid, "SIGKILL");
    await eventually(() => expect(processes()).toEqual([]));

    await lab.start();
    await lab.call("set", [balancer]);
    expect(processes()).not.toEqual([]);
    await lab.stop();
    expect(processes()).toEqual([]);
    expect(traces(lab.ctx)).toEqual([]);
  });
});
