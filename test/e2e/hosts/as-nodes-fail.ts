/**
 * Faults of nodes, one after the other: each is told with what to do, leaves the node as it was, and the
 * next run converges. The fault cases of the applier itself are in test/host.
 */
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { sha256 } from "../../../lib/sha256.ts";
import { chances } from "../../support/chance.ts";
import { changed } from "../support/checkout.ts";
import { expectFailure } from "../support/faults.ts";
import { onAll } from "../support/nodes.ts";
import { mustUp } from "../support/up.ts";
import { initial, lab } from "./stack.ts";

/** Somebody's public key. */
const KEY = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIJqYhVTTzqvPPTH6nWqtxNTfbBKPyHQTBNoPfLx8CkSN new";

initial.impatient = true;

async function expectConverged(): Promise<void> {
  await mustUp(lab);
  expect((await lab.status()).etcd.members.map(({ healthy }) => healthy)).toEqual([true, true, true]);
}

describe("a node that can't be trusted or reached", () => {
  const ip = { n2: "", n3: "" };
  const keys = () => onAll(lab, "cat /root/.ssh/authorized_keys");
  /** On n3 with whatever host key it shows. */
  const onN3 = (command: string) => {
    const options = ["StrictHostKeyChecking=no", "UserKnownHostsFile=/dev/null", "LogLevel=ERROR"];
    const flags = options.flatMap((option) => ["-o", option]);
    return lab.must(
      "exec",
      "ssh",
      "-i",
      join(lab.dir, ".lab/ssh/id_ed25519"),
      ...flags,
      `root@${ip.n3}`,
      command,
    );
  };

  it("is named with the reason, the others are served", async () => {
    const before = await keys();
    for (const { name, publicIp } of (await lab.status()).nodes) Object.assign(ip, { [name]: publicIp });
    const rule = `ip daddr ${ip.n2} tcp dport 22 reject with tcp reset`;
    const chain = "chain out { type filter hook output priority -10;";
    await lab.must("exec", "nft", `table inet fault { ${chain} ${rule}; }; }`);
    await onN3(
      "cd /etc/ssh && mkdir kept && mv ssh_host_ed25519_key* kept/ && " +
        "ssh-keygen -q -t ed25519 -N '' -f ssh_host_ed25519_key && systemctl reload ssh",
    );
    lab.configure(["gardenos:ssh", "authorizedKeys", "new"], KEY);
    const outcome = await lab.up();
    await lab.must("exec", "nft", "delete table inet fault");
    await onN3("cd /etc/ssh && mv kept/* . && rmdir kept && systemctl reload ssh");
    expectFailure(outcome, [
      `n2-baseline (command:remote:Command): ssh: root@${ip.n2}:22: connect to host ${ip.n2} port 22: Connection refused. ` +
        "Check that the server runs and that its firewall lets this machine in, then run again",
      `n3-baseline (command:remote:Command): ssh: root@${ip.n3}:22: host key mismatch. Another machine answers there, ` +
        "or the server was rebuilt behind the program's back: check it, then run refresh",
    ]);
    const after = await keys();
    expect([after["n2"], after["n3"]]).toEqual([before["n2"], before["n3"]]);
    expect(after["n1"]).toContain(KEY);
  });

  it("is brought up to date by the next run", async () => {
    await expectConverged();
    expect(Object.values(await keys()).map((text) => text.includes(KEY))).toEqual([true, true, true]);
  });
});

describe("etcd's restart, member by member,", () => {
  const files = "sha256sum /etc/etcd/etcd.env /etc/etcd/pki/* /etc/systemd/system/etcd.service";
  const facts = () => onAll(lab, `${files}; systemctl show -P MainPID etcd; ls -A /etc/etcd`);
  const quota = () => onAll(lab, "grep -c '^ETCD_QUOTA_BACKEND_BYTES=.*1073741824' /etc/etcd/etcd.env");

  it("stops at a full disk before anything is touched", async () => {
    await lab.must(
      "ssh",
      "n1",
      "mkdir /run/kept && cp -a /etc/etcd/. /run/kept/ && mount -t tmpfs -o size=96k tmpfs /etc/etcd && " +
        "cp -a /run/kept/. /etc/etcd/ && { head -c 1M /dev/zero >/etc/etcd/filler 2>/dev/null || true; }",
    );
    const before = await facts();
    lab.configure(["gardenos:etcd", "quota"], "1Gi");
    expectFailure(await lab.up(), [
      "cp: error writing '/etc/etcd/.etcd.env.gardenos': No space left on device\n" +
        "etcd-roll on gardenos-lab-n1: the files could not be written (see above). The earlier ones are in place.",
    ]);
    expect(await facts()).toEqual(before);
    await lab.must("ssh", "n1", "umount /etc/etcd && rm -r /run/kept");
  });

  it("stops when apply is killed half-way", async () => {
    const delay = Math.round(chances("apply is killed")() * 1500);
    const journal = "/var/lib/gardenos/bundles/etcd-roll/journal";
    // At a random moment, but no later than just after the restart: on a quick machine all is over soon.
    const killer = [
      "pid=$(systemctl show -P MainPID etcd)",
      `timeout 60 sh -c 'until test -d ${journal}; do sleep 0.01; done'`,
      `end=$(($(date +%s%3N) + ${delay}))`,
      'while [ "$(date +%s%3N)" -lt "$end" ] && ! { p=$(systemctl show -P MainPID etcd); [ "$p" != 0 ] && [ "$p" != "$pid" ]; }; do :; done',
      "kill -9 $(pgrep -f '[b]ash /run/gardenos')",
    ].join("; ");
    const n3 = (await facts())["n3"];
    const [outcome] = await Promise.all([lab.up(), lab.must("ssh", "n2", killer)]);
    expectFailure(outcome, ['command: "# bundle etcd-roll" ended with exit code 137']);
    expect((await facts())["n3"]).toBe(n3);
  });

  it("goes on where it was, and undoes what was half done", async () => {
    const outcome = await lab.up();
    expect(outcome.code, outcome.all).toBe(0);
    expect(outcome.stderr).toContain("etcd-n2-roll: etcd-roll: undoing a run that was interrupted");
    expect(changed(outcome.result)).toEqual(["update etcd-n2-roll", "update etcd-n3-roll"]);
    expect(await quota()).toEqual({ n1: "1", n2: "1", n3: "1" });
    await expectConverged();
  });
});

describe("an artifact with another checksum", () => {
  it("is thrown away on every node, and what is there stays", async () => {
    const manifest = JSON.parse(readFileSync(join(lab.dir, ".lab/artifacts/manifest.json"), "utf8"));
    const { url, sha256: got } = manifest.etcd;
    const wrong = sha256("another etcd");
    writeFileSync(
      join(lab.dir, "tampered.json"),
      JSON.stringify({ ...manifest, etcd: { ...manifest.etcd, sha256: wrong } }),
    );
    const binaries = () => onAll(lab, "sha256sum /opt/etcd*/etcd; ls /opt");
    const before = await binaries();
    lab.configure(["gardenos:artifacts"], { manifest: "tampered.json" });
    expectFailure(await lab.up(), [
      `etcd-files on gardenos-lab-n1: artifact etcd from ${url}: sha256 is ${got}, want ${wrong}. ` +
        "It was thrown away; no file was changed.",
    ]);
    expect(await binaries()).toEqual(before);
    lab.configure(["gardenos:artifacts"], { manifest: ".lab/artifacts/manifest.json" });
  });
});
