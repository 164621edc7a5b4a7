/** What a kubelet and its container runtime want of a machine. Boots real ones; needs root and an image. */
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it, vi } from "vitest";
import type { Nic } from "../../lab/cloud/hypervisor.ts";
import { machineDir } from "../../lab/context.ts";
import { findCgroups } from "../../lab/machines/cgroups.ts";
import { eventually } from "./support/eventually.ts";
import { type Answer, makeTestLab, type TestLab } from "./support/lab.ts";

vi.setConfig({ testTimeout: 90_000, hookTimeout: 90_000 });

const [A, B] = [11, 12];
const [IP_A, IP_B] = ["198.51.100.11", "198.51.100.12"];
const ok = (stdout = ""): Answer => ({ status: 0, stdout, stderr: "" });
const nic = (id: number): Nic => ({
  networkId: 7,
  ip: `10.0.1.${id}`,
  ipRange: "10.0.0.0/16",
  gateway: "10.0.0.1",
  mac: `86:00:00:00:00:${id}`,
});

/** What kubelet writes when it finds something else. */
const KUBELET_SETTINGS = {
  "vm/overcommit_memory": "1",
  "vm/panic_on_oom": "0",
  "kernel/panic": "10",
  "kernel/panic_on_oops": "1",
  "kernel/keys/root_maxkeys": "1000000",
  "kernel/keys/root_maxbytes": "25000000",
};
const SETTINGS = Object.keys(KUBELET_SETTINGS);
const hostSettings = () => SETTINGS.map((name) => readFileSync(`/proc/sys/${name}`, "utf8"));

let lab: TestLab;
const before = hostSettings();

async function untilReachable(ip: string): Promise<void> {
  await eventually(async () => expect(await lab.ssh(ip, "true")).toEqual(ok()));
}

beforeAll(async () => {
  lab = await makeTestLab();
  await lab.start();
  await Promise.all([A, B].map((id) => lab.call("create", lab.spec(id))));
  await Promise.all([A, B].map((id) => lab.call("attachNic", id, nic(id))));
  await Promise.all([IP_A, IP_B].map(untilReachable));
});
afterAll(() => lab.dispose());

describe("a machine", () => {
  const shown = `cd /proc/sys; cat ${SETTINGS.join(" ")}`;
  const wanted = `${Object.values(KUBELET_SETTINGS).join("\n")}\n`;

  it("shows kubelet the kernel settings that it wants, again after a reboot", async () => {
    expect(await lab.ssh(IP_A, shown)).toEqual(ok(wanted));
    await lab.ssh(IP_A, "touch /run/this-boot; systemctl reboot");
    await eventually(async () => expect(await lab.ssh(IP_A, "test ! -e /run/this-boot")).toEqual(ok()));
    expect(await lab.ssh(IP_A, shown)).toEqual(ok(wanted));
    expect(await lab.ssh(IP_A, "/usr/local/lib/lab/host-compat.sh")).toEqual(ok());
  });

  it("may write them, and the host and the other machine keep theirs", async () => {
    expect(await lab.ssh(IP_A, "sysctl -q -w kernel.panic=30 && cat /proc/sys/kernel/panic")).toEqual(
      ok("30\n"),
    );
    expect(await lab.ssh(IP_B, shown)).toEqual(ok(wanted));
    expect(hostSettings()).toEqual(before);
  });

  it("can mount an overlay where K3s, kubelet and Postgres keep their data, and not elsewhere", async () => {
    const overlay = (dir: string) =>
      `mkdir -p ${dir}/l ${dir}/u ${dir}/w ${dir}/m && ` +
      `mount -t overlay -o lowerdir=${dir}/l,upperdir=${dir}/u,workdir=${dir}/w overlay ${dir}/m && umount ${dir}/m`;
    for (const dir of ["/var/lib/rancher/k3s/t", "/var/lib/kubelet/t", "/var/lib/gardenos/postgres/t"])
      expect(await lab.ssh(IP_A, overlay(dir))).toEqual(ok());
    expect(await lab.ssh(IP_A, overlay("/var/lib/t"))).toMatchObject({ status: 32 });
  });

  it("has bridges whose packets pass iptables, routing and limits of its own", async () => {
    const settings = ["net.ipv4.ip_forward", "net.bridge.bridge-nf-call-iptables"];
    const write = `sysctl -q -w ${settings.map((name) => `${name}=1`).join(" ")}; sysctl -n ${settings.join(" ")}`;
    expect(await lab.ssh(IP_A, write)).toEqual(ok("1\n1\n"));
    expect(await lab.ssh(IP_A, "cat /sys/fs/cgroup/memory/memory.limit_in_bytes")).toEqual(
      ok(`${2 * 2 ** 30}\n`),
    );
  });

  it("has a pod network with another one over their private cards", async () => {
    const vxlan = (own: number, other: number) =>
      `ip link add flannel.1 type vxlan id 1 dev enp7s0 local 10.0.1.${own} remote 10.0.1.${other} dstport 8472 && ` +
      `ip addr add 10.42.0.${own}/24 dev flannel.1 && ip link set flannel.1 mtu 1400 up`;
    expect(await lab.ssh(IP_A, vxlan(A, B))).toEqual(ok());
    expect(await lab.ssh(IP_B, vxlan(B, A))).toEqual(ok());
    expect(await lab.ssh(IP_A, "ping -q -c 1 -W 3 -s 1372 -M do 10.42.0.12")).toMatchObject({ status: 0 });
  });
});

describe("a power cut", () => {
  it("ends what runs in a pod's control group, and removes the group", async () => {
    const pod = "/sys/fs/cgroup/pids/kubepods/burstable/pod1";
    // As containerd does it: no child of a unit, and in no unit's group.
    const start = `mkdir -p ${pod}; setsid sh -c 'echo $$ > ${pod}/cgroup.procs; exec sleep 4711' < /dev/null > /dev/null 2>&1 &`;
    await lab.ssh(IP_A, start);
    await eventually(async () =>
      expect((await lab.ssh(IP_A, `wc -l < ${pod}/cgroup.procs`)).stdout).toBe("1\n"),
    );
    const [machines = ""] = findCgroups(lab.ctx.cgroupName).filter((dir) => dir.includes("/pids/"));
    const group = join(machines, String(A), "kubepods/burstable/pod1");
    const [pid = 0] = readFileSync(join(group, "cgroup.procs"), "utf8").split("\n").map(Number);
    expect(readFileSync(`/proc/${pid}/cmdline`, "utf8")).toContain("4711");
    await lab.call("powerOff", A);
    expect(existsSync(`/proc/${pid}`)).toBe(false);
    expect(existsSync(join(machines, String(A)))).toBe(false);
  });

  it("keeps the plain folders, and a new disk has them empty", async () => {
    await lab.ssh(IP_B, "touch /var/lib/rancher/mark");
    await lab.call("powerOff", B);
    await lab.call("powerOn", B);
    await untilReachable(IP_B);
    expect(await lab.ssh(IP_B, "ls /var/lib/rancher")).toEqual(ok("mark\n"));
    await lab.call("rebuild", B, "debian-13");
    await untilReachable(IP_B);
    expect(await lab.ssh(IP_B, "ls /var/lib/rancher")).toEqual(ok());
    await lab.call("delete", B);
    expect(existsSync(machineDir(lab.ctx, B))).toBe(false);
  });
});
