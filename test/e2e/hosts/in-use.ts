/** A cluster in use: who gets in, what a second `up` does, and what changes of configuration cost. */
import { execFileSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { LAB_NET } from "../../../lab/addresses.ts";
import { changed, type UpResult } from "../support/checkout.ts";
import {
  ask,
  type ClientName,
  deployKeyFingerprint,
  describeCluster,
  installClient,
  NODES,
  PRIVATE_IPS,
} from "../support/etcd.ts";
import { apiCalls, programLogins, publicIps, traces } from "../support/nodes.ts";
import { mustUp } from "../support/up.ts";
import { recovery, Witness } from "../support/witness.ts";
import { lab } from "./stack.ts";

/** More than an election on a busy machine takes, less than a member is away when it restarts without a hand-over. */
const LONGEST_GAP_SECONDS = 3;
const MIB = 1024 ** 2;

/** `up` that must succeed, and find everything as it left it. */
async function up(): Promise<UpResult> {
  const result = await mustUp(lab);
  expect(result.drift).toEqual([]);
  return result;
}

describe("etcd", () => {
  const pki = "/etc/etcd/pki";
  const address = `${PRIVATE_IPS.n2}:2379`;

  it("is healthy for the certificate that a node has", async () => {
    const command = "etcdctl endpoint health --cluster";
    const health = (await ask(lab, "root", [command]))[command];
    const lines = health?.split("\n").map((line) => line.replace(/: took = .*/, ""));
    expect(lines?.sort()).toEqual(
      Object.values(PRIVATE_IPS).map(
        (ip) => `https://${ip}:2379 is healthy: successfully committed proposal`,
      ),
    );
  });

  it("refuses a client without a certificate", async () => {
    const etcdctl = `etcdctl --endpoints=https://${address} --cacert=${pki}/client-ca.crt`;
    const health = await lab.on("n1", `${etcdctl} --command-timeout=2s endpoint health`);
    expect(health.code).toBe(1);
    expect(health.stderr).toContain(`https://${address} is unhealthy: failed to commit proposal`);
    const plain = await lab.on("n1", `curl -sS --cacert ${pki}/client-ca.crt https://${address}/health`);
    expect(plain.code).toBe(56);
    expect(plain.stderr).toContain("alert certificate required");
  });

  it("refuses a peer's certificate from a client", async () => {
    const files = `--cacert ${pki}/client-ca.crt --cert ${pki}/peer.crt --key ${pki}/peer.key`;
    const { code, stderr } = await lab.on("n1", `curl -sS ${files} https://${address}/health`);
    expect(code).toBe(56);
    expect(stderr).toContain("alert unknown ca");
  });

  it("does not speak plain HTTP", async () => {
    const { code, stderr } = await lab.on("n1", `curl -sS http://${address}/health`);
    expect([code, stderr]).toEqual([52, "curl: (52) Empty reply from server\n"]);
  });

  it("keeps patroni, known by its password, to its own prefix", async () => {
    await installClient(lab, "patroni");
    expect(await ask(lab, "patroni", ["etcdctl put /service/x patroni", "etcdctl get /service/x"])).toEqual({
      "etcdctl put /service/x patroni": "OK",
      "etcdctl get /service/x": "/service/x\npatroni",
    });
    await expectDenied("patroni", [
      "etcdctl get --prefix /registry/",
      "etcdctl put /registry/x 1",
      "etcdctl get --prefix ''",
      "etcdctl user list",
      "env -u ETCDCTL_USER -u ETCDCTL_PASSWORD etcdctl get /service/x",
    ]);
  });

  it("keeps k3s, known by its certificate, to its own keys", async () => {
    await installClient(lab, "k3s");
    const allowed = {
      "etcdctl put /registry/x 1": "OK",
      "etcdctl put /bootstrap/x 1": "OK",
      "etcdctl put compact_rev_key 1": "OK",
      "etcdctl get --prefix --keys-only /registry/": "/registry/x",
      "etcdctl get --keys-only compact_rev_key": "compact_rev_key",
    };
    expect(await ask(lab, "k3s", Object.keys(allowed))).toEqual(allowed);
    await expectDenied("k3s", [
      "etcdctl get --prefix /service/",
      "etcdctl put /service/x 1",
      "etcdctl get --prefix ''",
      "etcdctl user list",
      "etcdctl compact 1",
    ]);
  });

  async function expectDenied(user: ClientName, commands: readonly string[]): Promise<void> {
    expect(await ask(lab, user, commands)).toEqual(
      Object.fromEntries(commands.map((command) => [command, "Error: etcdserver: permission denied"])),
    );
  }
});

describe("a node", () => {
  it("was made from user-data that cloud-init finds valid", async () => {
    expect(await lab.output("n1", "cloud-init schema --system")).toBe("Valid schema user-data");
  });

  it("has one SSH host key, and serves no other", async () => {
    const shown = await lab.output("n1", "ls /etc/ssh/ssh_host_*; cat /etc/ssh/ssh_host_*.pub");
    const [type, key] = (shown.split("\n").at(-1) ?? "").split(" ");
    expect(shown).toMatch(
      /^\/etc\/ssh\/ssh_host_ed25519_key\n\/etc\/ssh\/ssh_host_ed25519_key\.pub\nssh-ed25519 \S+.*$/,
    );
    const ip = publicIps(lab)["n1"] ?? "";
    expect(await lab.must("exec", "ssh-keyscan", "-T", "5", ip)).toBe(`${ip} ${type} ${key}\n`);
  });

  it("gives a stranger no answer on SSH", async () => {
    const ip = publicIps(lab)["n1"] ?? "";
    const options = ["-b", LAB_NET.strangerIp, "-o", "ConnectTimeout=2", "-o", "StrictHostKeyChecking=no"];
    const { code, stderr } = await lab.lab("exec", "ssh", ...options, `root@${ip}`, "true");
    expect([code, stderr]).toEqual([255, `ssh: connect to host ${ip} port 22: Connection timed out\r\n`]);
  });

  it.each([LAB_NET.adminIp, LAB_NET.strangerIp])(
    "shows %s no port of etcd on its public side",
    async (from) => {
      const ip = publicIps(lab)["n1"];
      const urls = [2379, 2380, 2381].map((port) => `https://${ip}:${port}/`);
      const curl = ["curl", "-ksSZ", "--interface", from, "--connect-timeout", "1", ...urls];
      const { code, stdout, stderr } = await lab.lab("exec", ...curl);
      expect([code, stdout]).toEqual([28, ""]);
      expect(stderr.match(/Failed to connect to \S+ port 23\d\d/g)?.sort()).toEqual(
        [2379, 2380, 2381].map((port) => `Failed to connect to ${ip} port ${port}`),
      );
    },
  );
});

describe("a second up", () => {
  it("compares with the API, changes nothing and runs no command on any host", async () => {
    const fingerprint = deployKeyFingerprint(lab);
    const loginsBefore = await programLogins(lab, fingerprint);
    expect(Math.min(...Object.values(loginsBefore)), "logins are counted").toBeGreaterThan(0);
    const callsBefore = await apiCalls(lab);
    expect(changed(await up())).toEqual([]);
    const calls = await apiCalls(lab);
    expect(calls.writes).toBe(callsBefore.writes);
    expect(calls.reads).toBeGreaterThan(callsBefore.reads);
    expect(await programLogins(lab, fingerprint)).toEqual(loginsBefore);
  });
});

describe("another etcd.quota", () => {
  it("restarts members one at a time, and a client loses no write", async () => {
    const witness = await Witness.start(lab);
    lab.configure(["gardenos:etcd", "quota"], "640Mi");
    const result = await up();
    const testimony = await witness.stop();
    expect(changed(result)).toEqual(
      NODES.flatMap((node) => [`update etcd-${node}-files`, `update etcd-${node}-roll`]),
    );

    console.info(`longest time without a write: ${testimony.longestGapSeconds.toFixed(2)} s`);
    expect(await witness.lost(testimony)).toEqual([]);
    const { acknowledged, endpoints, seconds } = testimony;
    expect(acknowledged.length / seconds, "writes per second").toBeGreaterThan(10);
    for (const each of endpoints)
      expect(each.acknowledged, each.address).toBeGreaterThan(acknowledged.length / 6);
    expect(testimony.longestGapSeconds).toBeLessThan(LONGEST_GAP_SECONDS);
    const rolled = Object.entries(await traces(lab)).sort(([, a], [, b]) => a.etcdStopped - b.etcdStopped);
    expect(rolled.map(([node]) => node)).toEqual([...NODES]);
    for (const [i, [node, { etcdStopped, etcdStarted }]] of rolled.entries()) {
      const next = rolled[i + 1]?.[1].etcdStopped ?? Number.POSITIVE_INFINITY;
      expect(etcdStarted, `${node} stopped and started`).toBeGreaterThan(etcdStopped);
      expect(etcdStarted, `${node} ran before the next one stopped`).toBeLessThan(next);
      expect(recovery(testimony, node, etcdStopped), `${node} served by then`).toBeLessThan(next);
    }
    expect((await describeCluster(lab)).quotas).toEqual([640 * MIB, 640 * MIB, 640 * MIB]);
  });
});

describe("changes that restart nothing", () => {
  it("let another person in, change labels in place, and leave image and type to servers to come", async () => {
    const before = await traces(lab);
    const key = join(lab.dir, ".lab", "alice");
    execFileSync("ssh-keygen", ["-q", "-t", "ed25519", "-N", "", "-C", "alice", "-f", key]);
    lab.configure(["gardenos:ssh", "authorizedKeys", "alice"], readFileSync(`${key}.pub`, "utf8").trim());
    lab.configure(["gardenos:image"], "debian-12");
    lab.configure(["gardenos:serverType"], "cx43");
    lab.configure(["gardenos:nodes", "n1", "labels"], { rack: "a" });
    expect(changed(await up())).toEqual(["update n1", ...NODES.map((node) => `update ${node}-baseline`)]);
    const options = `-i ${key} -o IdentitiesOnly=yes -o UserKnownHostsFile=${lab.dir}/.lab/ssh/known_hosts`;
    const ips = publicIps(lab);
    const logins = NODES.map((node) => `ssh ${options} root@${ips[node]} hostname`);
    expect(await lab.must("exec", "sh", "-c", logins.join(" && "))).toBe(
      NODES.map((node) => `gardenos-lab-${node}\n`).join(""),
    );
    expect(await traces(lab)).toEqual(before);
  });
});
