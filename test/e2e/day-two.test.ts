/** A cluster in use: who gets in, what a second `up` does, and what changes of configuration cost. */
import { execFileSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { LAB_NET } from "../../lab/addresses.ts";
import { Checkout, changed } from "./support/checkout.ts";
import { as, deployKeyFingerprint, installClient, NODES, PRIVATE_IPS, quotas, root } from "./support/etcd.ts";
import { apiCalls, bootIds, programLogins, serverIds } from "./support/nodes.ts";
import { restarts } from "./support/restarts.ts";
import { recovery, Witness } from "./support/witness.ts";

/** Longer than an election takes on a busy machine, shorter than a member's restart would be noticed as an outage. */
const LONGEST_GAP_SECONDS = 3;
const MIB = 1024 ** 2;

let lab: Checkout;

beforeAll(async () => {
  lab = new Checkout();
  const outcome = await lab.up();
  expect(outcome.code, outcome.all).toBe(0);
  await Promise.all([installClient(lab, "n1", "k3s"), installClient(lab, "n1", "patroni")]);
});
afterAll(() => lab.dispose());

/** `up` that must succeed. */
async function up() {
  const outcome = await lab.up();
  expect(outcome.code, outcome.all).toBe(0);
  expect(outcome.result.drift).toEqual([]);
  return outcome.result;
}

describe("etcd", () => {
  const endpoint = `${PRIVATE_IPS.n2}:2379`;

  it("is healthy for the certificate that a node has", async () => {
    const health = await root(lab, "etcdctl endpoint health --cluster");
    const lines = health
      .split("\n")
      .map((line) => line.replace(/: took = .*/, ""))
      .sort();
    expect(lines).toEqual(
      Object.values(PRIVATE_IPS).map(
        (ip) => `https://${ip}:2379 is healthy: successfully committed proposal`,
      ),
    );
  });

  it("refuses a client without a certificate", async () => {
    const client = "etcdctl --cacert=/etc/etcd/pki/client-ca.crt --command-timeout=2s";
    const health = await lab.on("n1", `${client} --endpoints=https://${endpoint} endpoint health`);
    expect(health.code).toBe(1);
    expect(health.stderr).toContain(`https://${endpoint} is unhealthy: failed to commit proposal`);
    expect(health.stderr).toContain("remote error: tls: certificate required");
    const gateway = await lab.on(
      "n1",
      `curl -sS --cacert /etc/etcd/pki/client-ca.crt https://${endpoint}/health`,
    );
    expect(gateway.code).toBe(56);
    expect(gateway.stderr).toContain("alert certificate required");
  });

  it("refuses a peer's certificate on the clients' port", async () => {
    const pki = "/etc/etcd/pki";
    const files = `--cacert ${pki}/client-ca.crt --cert ${pki}/peer.crt --key ${pki}/peer.key`;
    const { code, stderr } = await lab.on("n1", `curl -sS ${files} https://${endpoint}/health`);
    expect(code).toBe(56);
    expect(stderr).toMatch(/alert (unknown ca|bad certificate)/);
  });

  it("does not speak plain HTTP", async () => {
    const { code, stderr } = await lab.on("n1", `curl -sS http://${endpoint}/health`);
    expect([code, stderr.trim()]).toEqual([52, "curl: (52) Empty reply from server"]);
  });

  it("keeps patroni to its own prefix", async () => {
    expect(await as(lab, "patroni", "etcdctl put /service/x patroni")).toMatchObject({
      code: 0,
      stdout: "OK\n",
    });
    expect(await as(lab, "patroni", "etcdctl get --print-value-only /service/x")).toMatchObject({
      stdout: "patroni\n",
    });
    await expectDenied("patroni", [
      "get --prefix /registry/",
      "put /registry/x 1",
      "get --prefix /bootstrap/",
      "user list",
      "get --prefix ''",
    ]);
  });

  it("keeps k3s to its own keys", async () => {
    for (const key of ["/registry/x", "/bootstrap/x", "compact_rev_key"]) {
      expect(await as(lab, "k3s", `etcdctl put ${key} k3s`), key).toMatchObject({ code: 0, stdout: "OK\n" });
      expect(await as(lab, "k3s", `etcdctl get --print-value-only ${key}`), key).toMatchObject({
        stdout: "k3s\n",
      });
    }
    await expectDenied("k3s", [
      "get --prefix /service/",
      "put /service/x 1",
      "user list",
      "compact 1",
      "get --prefix ''",
    ]);
    expect(await root(lab, "etcdctl get --print-value-only /service/x")).toBe("patroni");
  });

  it("wants patroni's password, because its certificate names nobody", async () => {
    const { code, stderr } = await as(
      lab,
      "patroni",
      "unset ETCDCTL_USER ETCDCTL_PASSWORD; etcdctl get /service/x",
    );
    expect(code).toBe(1);
    expect(stderr).toContain("etcdserver: user name is empty");
  });

  async function expectDenied(user: "k3s" | "patroni", commands: readonly string[]): Promise<void> {
    for (const command of commands) {
      const { code, stdout, stderr } = await as(lab, user, `etcdctl ${command}`);
      expect([code, stdout], `${user}: ${command}`).toEqual([1, ""]);
      expect(stderr, `${user}: ${command}`).toContain("etcdserver: permission denied");
    }
  }
});

describe("a node", () => {
  const address = async (node: string) =>
    (await lab.status()).nodes.find(({ name }) => name === node)?.publicIp ?? "";

  it("was made from user-data that cloud-init finds valid", async () => {
    expect(await lab.output("n1", "cloud-init schema --system")).toBe("Valid schema user-data");
  });

  it("has one SSH host key, the one the stack exports", async () => {
    expect(await lab.output("n1", "ls /etc/ssh/ssh_host_*")).toBe(
      "/etc/ssh/ssh_host_ed25519_key\n/etc/ssh/ssh_host_ed25519_key.pub",
    );
    const own = (await lab.output("n1", "cat /etc/ssh/ssh_host_ed25519_key.pub"))
      .split(" ")
      .slice(0, 2)
      .join(" ");
    const served = await lab.must("exec", "ssh-keyscan", "-q", "-T", "5", await address("n1"));
    expect(served).toBe(`${await address("n1")} ${own}\n`);
  });

  it("gives a stranger no answer on SSH", async () => {
    const options = ["-o", "BatchMode=yes", "-o", "ConnectTimeout=2", "-o", "StrictHostKeyChecking=no"];
    const target = await address("n1");
    const { code, stderr } = await lab.lab(
      "exec",
      "ssh",
      "-b",
      LAB_NET.strangerIp,
      ...options,
      `root@${target}`,
      "true",
    );
    expect([code, stderr.trim()]).toEqual([
      255,
      `ssh: connect to host ${target} port 22: Connection timed out`,
    ]);
  });

  it.each([2379, 2380, 2381])("keeps etcd's port %i off the public side", async (port) => {
    for (const source of [LAB_NET.adminIp, LAB_NET.strangerIp]) {
      const url = `https://${await address("n2")}:${port}`;
      const { code, stderr } = await lab.lab(
        "exec",
        "curl",
        "-ksS",
        "--interface",
        source,
        "--connect-timeout",
        "1",
        url,
      );
      expect([code, stderr], `from ${source}`).toEqual([28, expect.stringContaining("Failed to connect")]);
    }
  });
});

describe("a second up", () => {
  it("compares with the API, changes nothing and runs no command on any host", async () => {
    const fingerprint = deployKeyFingerprint(lab);
    const loginsBefore = await programLogins(lab, fingerprint);
    expect(
      Object.values(loginsBefore).every((count) => Number(count) > 0),
      "the count finds logins",
    ).toBe(true);
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
    expect(changed(await up())).toEqual([
      ...NODES.map((node) => `update etcd-${node}-files`),
      ...NODES.map((node) => `update etcd-${node}-roll`),
    ]);
    const testimony = await witness.stop();

    expect(await witness.lost(testimony)).toEqual([]);
    expect(testimony.longestGapSeconds).toBeLessThan(LONGEST_GAP_SECONDS);
    const rolled = await restarts(lab);
    expect(rolled.map(({ member }) => member)).toEqual([...NODES]);
    for (const [i, { member, stopped, started }] of rolled.entries()) {
      const next = rolled[i + 1]?.stopped ?? Number.POSITIVE_INFINITY;
      expect(started, `${member} started before the next one stopped`).toBeLessThan(next);
      expect(
        recovery(testimony, member, stopped),
        `${member} served before the next one stopped`,
      ).toBeLessThan(next);
    }
    expect(await quotas(lab)).toEqual([640 * MIB, 640 * MIB, 640 * MIB]);
  });
});

describe("changes that restart nothing", () => {
  let before: { readonly servers: unknown; readonly boots: unknown; readonly etcd: unknown };

  const traces = async () => ({
    servers: serverIds(lab),
    boots: await bootIds(lab),
    etcd: await restarts(lab),
  });

  beforeAll(async () => {
    before = await traces();
  });

  it("lets another person in by the three baseline commands alone", async () => {
    const key = join(lab.dir, ".lab", "alice");
    execFileSync("ssh-keygen", ["-q", "-t", "ed25519", "-N", "", "-C", "alice", "-f", key]);
    lab.configure(["gardenos:ssh", "authorizedKeys", "alice"], readFileSync(`${key}.pub`, "utf8").trim());
    expect(changed(await up())).toEqual(NODES.map((node) => `update ${node}-baseline`));
    const options = [
      "-i",
      key,
      "-o",
      "IdentitiesOnly=yes",
      "-o",
      `UserKnownHostsFile=${join(lab.dir, ".lab/ssh/known_hosts")}`,
    ];
    for (const { name, publicIp } of (await lab.status()).nodes) {
      expect(await lab.must("exec", "ssh", ...options, `root@${publicIp}`, "hostname")).toBe(
        `gardenos-lab-${name}\n`,
      );
    }
    expect(await traces()).toEqual(before);
  });

  it("takes another image and server type for servers to come only", async () => {
    lab.configure(["gardenos:image"], "debian-12");
    lab.configure(["gardenos:serverType"], "cx43");
    expect(changed(await up())).toEqual([]);
    expect(await traces()).toEqual(before);
  });

  it("changes a node's labels in place", async () => {
    lab.configure(["gardenos:nodes", "n1", "labels"], { rack: "a" });
    expect(changed(await up())).toEqual(["update n1"]);
    expect(await traces()).toEqual(before);
  });
});
