/** Boots real machines. Needs root and an image. */
import { existsSync } from "node:fs";
import { afterAll, beforeAll, describe, expect, it, vi } from "vitest";
import { LAB_NET } from "../../lab/addresses.ts";
import type { Nic } from "../../lab/cloud/hypervisor.ts";
import { machineDir } from "../../lab/context.ts";
import { eventually } from "./support/eventually.ts";
import { type Answer, makeTestLab, type TestLab } from "./support/lab.ts";

vi.setConfig({ testTimeout: 90_000, hookTimeout: 90_000 });

const [A, B] = [11, 12];
const [IP_A, IP_B] = ["198.51.100.11", "198.51.100.12"];
const ok = (stdout = ""): Answer => ({ status: 0, stdout, stderr: "" });

function nic(id: number): Nic {
  return {
    networkId: 7,
    ip: `10.0.1.${id}`,
    ipRange: "10.0.0.0/16",
    gateway: "10.0.0.1",
    mac: `86:00:00:00:00:${id}`,
  };
}

let lab: TestLab;

/** Waits for sshd, and never accepts that it shows another host key meanwhile. */
async function untilReachable(ip: string): Promise<void> {
  await eventually(async () => {
    const answer = await lab.ssh(ip, "true");
    if (answer.stderr.includes("Host key verification failed")) throw new Error(`foreign host key on ${ip}`);
    expect(answer).toEqual(ok());
  });
}

beforeAll(async () => {
  lab = await makeTestLab();
  await lab.start();
  await Promise.all([A, B].map((id) => lab.call("create", lab.spec(id))));
});

afterAll(() => lab.dispose());

describe("a fresh machine", () => {
  it("is reachable by SSH in ten seconds, and shows its final host key from the first moment", async () => {
    const shown: string[] = [];
    await eventually(async () => {
      const answer = await lab.ssh(IP_A, "true");
      shown.push(answer.stderr);
      expect(answer.status).toBe(0);
    }, 10_000);
    expect(shown.filter((text) => text.includes("Host key verification failed"))).toEqual([]);
    await untilReachable(IP_B);
  });

  it("has the host key of the user-data and no other", async () => {
    const { stdout } = await lab.exec(["ssh-keyscan", IP_A]);
    expect(stdout.trim().split("\n")).toEqual([expect.stringContaining(`${IP_A} ecdsa-sha2-nistp256 `)]);
  });

  it("has its name, and all its units are up", async () => {
    await eventually(async () => {
      expect(await lab.ssh(IP_A, "hostname; systemctl is-system-running")).toEqual(ok("m11\nrunning\n"));
    });
  });

  it("has finished cloud-init without errors", async () => {
    expect(await lab.ssh(IP_A, "cloud-init status --wait")).toMatchObject({ status: 0 });
  });

  it("can fetch artifacts, and nothing else of the lab", async () => {
    expect(await lab.ssh(IP_A, "curl -sSf http://192.0.2.1/hello.txt")).toEqual(ok("from the lab\n"));
    const others = [`${LAB_NET.adminIp}:22`, `${LAB_NET.publicGateway}:80`].map(
      (it) => `curl -sS -m 5 http://${it}`,
    );
    expect(await lab.ssh(IP_A, others.join(" || "))).toMatchObject({ status: 7 });
  });

  it("can't set the host's clock", async () => {
    expect(await lab.ssh(IP_A, "date --set=2001-01-01")).toMatchObject({
      stderr: expect.stringContaining("Operation not permitted"),
    });
  });
});

describe("private network", () => {
  beforeAll(async () => {
    await lab.call("attachNic", A, nic(A));
    await lab.call("attachNic", B, nic(B));
  });

  it("is plugged while the machine runs", async () => {
    const { stdout } = await lab.ssh(IP_A, "ip -json link show enp7s0; ip -4 -o addr show enp7s0");
    expect(JSON.parse(stdout.split("\n")[0] ?? "")).toMatchObject([{ mtu: 1450, address: nic(A).mac }]);
    expect(stdout).toContain("inet 10.0.1.11/32");
  });

  it("carries packets between machines, only through the gateway", async () => {
    expect(await lab.ssh(IP_A, "ping -q -c 1 -W 3 10.0.1.12")).toMatchObject({ status: 0 });
    expect(await lab.ssh(IP_A, "ip -4 neigh show dev enp7s0 | cut -d' ' -f1")).toEqual(ok("10.0.0.1\n"));
  });

  it("carries connections between machines", async () => {
    expect(await lab.ssh(IP_A, "ssh-keyscan -q -t ecdsa 10.0.1.12")).toMatchObject({
      status: 0,
      stdout: expect.stringContaining("ecdsa-sha2-nistp256"),
    });
  });

  it("can't be reached from the internet", async () => {
    expect(await lab.exec(["curl", "-sS", "-m", "5", "http://10.0.1.11:22"])).toMatchObject({ status: 7 });
  });
});

describe("firewall", () => {
  const sshFrom = (...sourceIps: string[]) => [{ protocol: "tcp" as const, port: "22", sourceIps }];

  it("lets in whom a rule names and nobody else", async () => {
    await lab.call("setFirewall", A, sshFrom(`${LAB_NET.adminIp}/32`));
    expect(await lab.ssh(IP_A, "true")).toEqual(ok());
    expect(await lab.ssh(IP_A, "true", { from: LAB_NET.strangerIp })).toMatchObject({
      status: 255,
      stderr: expect.stringContaining("timed out"),
    });
    expect(await lab.ssh(IP_B, "true", { from: LAB_NET.strangerIp })).toEqual(ok());
  });

  it("guards against other servers, too, but not on private networks", async () => {
    expect(await lab.ssh(IP_B, `ssh-keyscan -q -T 2 ${IP_A}`)).toMatchObject({ stdout: "" });
    expect(await lab.ssh(IP_B, "ssh-keyscan -q -T 2 10.0.1.11")).toMatchObject({ status: 0 });
  });

  it("lets answers to the machine's own connections in", async () => {
    expect(await lab.ssh(IP_A, "curl -sSf http://192.0.2.1/hello.txt")).toEqual(ok("from the lab\n"));
  });

  it("is open again without a firewall", async () => {
    await lab.call("setFirewall", A, undefined);
    expect(await lab.ssh(IP_A, "true", { from: LAB_NET.strangerIp })).toEqual(ok());
  });
});

describe("power", () => {
  it("comes back from a power cut with its disk and its cards", async () => {
    await lab.ssh(IP_A, "echo kept > /root/mark; sync");
    await lab.call("powerOff", A);
    expect(await lab.call("state", A)).toBe("off");
    expect(await lab.ssh(IP_A, "true")).toMatchObject({ status: 255 });
    await lab.call("powerOn", A);
    expect(await lab.call("state", A)).toBe("running");
    await untilReachable(IP_A);
    expect(await lab.ssh(IP_A, "cat /root/mark; ip -4 -o addr show enp7s0 | wc -l")).toEqual(ok("kept\n1\n"));
    expect(await lab.ssh(IP_A, "ping -q -c 1 -W 3 10.0.1.12")).toMatchObject({ status: 0 });
  });

  it("comes back from a reboot that the machine asked for", async () => {
    await lab.ssh(IP_A, "touch /run/this-boot; systemctl reboot");
    await eventually(async () => expect(await lab.ssh(IP_A, "test ! -e /run/this-boot")).toEqual(ok()));
    expect(await lab.call("state", A)).toBe("running");
    expect(await lab.ssh(IP_A, "ping -q -c 1 -W 3 10.0.1.12")).toMatchObject({ status: 0 });
  });

  it("notices when a machine switches itself off", async () => {
    await lab.ssh(IP_A, "systemctl poweroff");
    await eventually(async () => expect(await lab.call("state", A)).toBe("off"));
    await lab.call("powerOn", A);
    await untilReachable(IP_A);
  });

  it("shuts down cleanly", async () => {
    const stop = "/bin/sh -c 'echo stopped > /root/stopped'";
    await lab.ssh(IP_A, `systemd-run -q --unit=witness -p ExecStop="${stop}" sleep infinity`);
    await lab.call("shutdown", A);
    expect(await lab.call("state", A)).toBe("off");
    await lab.call("powerOn", A);
    await untilReachable(IP_A);
    expect(await lab.ssh(IP_A, "cat /root/stopped")).toEqual(ok("stopped\n"));
  });

  it("gets a new disk by a rebuild and keeps cards and host key", async () => {
    await lab.call("rebuild", A, "debian-13");
    await untilReachable(IP_A);
    expect(await lab.ssh(IP_A, "ls /root/mark")).toMatchObject({ status: 2 });
    expect(await lab.ssh(IP_A, "ping -q -c 1 -W 3 10.0.1.12")).toMatchObject({ status: 0 });
  });
});

describe("removal", () => {
  it("takes a card out of a running machine", async () => {
    await lab.call("detachNic", B, 7);
    expect(await lab.ssh(IP_B, "ls /sys/class/net")).toEqual(ok("eth0\nlo\n"));
    expect(await lab.ssh(IP_A, "ping -q -c 1 -W 1 10.0.1.12")).toMatchObject({ status: 1 });
  });

  it("deletes a machine with its disk, and is content when it is gone", async () => {
    await lab.call("delete", B);
    expect(existsSync(machineDir(lab.ctx, B))).toBe(false);
    await lab.call("delete", B);
    await expect(lab.call("state", B)).rejects.toThrow("server 12: the lab has no such machine");
  });

  it("removes a network's bridge with its last card", async () => {
    expect(await lab.exec(["ip", "link", "show", "net7"])).toMatchObject({ status: 0 });
    await lab.call("detachNic", A, 7);
    expect(await lab.exec(["ip", "link", "show", "net7"])).toMatchObject({ status: 1 });
  });
});
