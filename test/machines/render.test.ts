import { describe, expect, it } from "vitest";
import { parse } from "yaml";
import { labContext, machineDir, machineName } from "../../lab/context.ts";
import { ownCgroups } from "../../lab/machines/cgroups.ts";
import { renderSeed } from "../../lab/machines/seed.ts";
import { nspawnArgs } from "../../lab/machines/supervisor.ts";
import {
  baseLinks,
  plugLinks,
  privateCable,
  privateCardLinks,
  publicCable,
} from "../../lab/network/links.ts";

const nic = {
  networkId: 7,
  ip: "10.0.1.11",
  ipRange: "10.0.0.0/16",
  gateway: "10.0.0.1",
  mac: "86:00:00:00:00:01",
};

describe("labContext", () => {
  it("gives two checkouts two names", () => {
    const [a, b] = [labContext("/src/a", "/cache"), labContext("/src/b", "/cache")];
    expect(a.id).toMatch(/^[0-9a-f]{8}$/);
    expect(a.id).not.toBe(b.id);
    expect(labContext("/src/a", "/other").id).toBe(a.id);
  });

  it("keeps all that belongs to a lab in its folder", () => {
    const ctx = labContext("/src/a", "/cache");
    expect(machineDir(ctx, 12)).toBe("/src/a/.lab/machines/12");
    expect(machineName(ctx, 12)).toBe(`gardenos-lab-${ctx.id}-12`);
    expect([ctx.cloudStateFile, ctx.daemonFile, ctx.daemonLog, ctx.daemonLock]).toEqual([
      "/src/a/.lab/cloud.json",
      "/src/a/.lab/daemon.json",
      "/src/a/.lab/daemon.log",
      "/src/a/.lab/daemon.lock",
    ]);
  });
});

describe("ownCgroups", () => {
  const v2 = "30 24 0:26 / /sys/fs/cgroup rw,nosuid - cgroup2 cgroup2 rw,nsdelegate\n";

  it("finds the single folder of version 2", () => {
    expect(ownCgroups("0::/user.slice/session-1.scope\n", v2)).toEqual([
      "/sys/fs/cgroup/user.slice/session-1.scope",
    ]);
  });

  it("finds one folder per hierarchy of version 1, and version 2 beside them", () => {
    const mounts = [
      "31 30 0:27 / /sys/fs/cgroup/cpu,cpuacct rw - cgroup cgroup rw,cpu,cpuacct",
      "32 30 0:28 / /sys/fs/cgroup/systemd rw - cgroup cgroup rw,name=systemd",
      "33 30 0:29 / /sys/fs/cgroup/unified rw - cgroup2 cgroup2 rw",
      "34 30 0:30 / /proc rw - proc proc rw",
    ].join("\n");
    expect(ownCgroups("5:cpu,cpuacct:/a\n3:name=systemd:/b\n2:rdma:/c\n0::/\n", mounts)).toEqual([
      "/sys/fs/cgroup/cpu,cpuacct/a",
      "/sys/fs/cgroup/systemd/b",
      "/sys/fs/cgroup/unified",
    ]);
  });

  it("copes with a mount that shows a part of the hierarchy", () => {
    const mounts = "31 30 0:27 /docker/x /sys/fs/cgroup/pids ro - cgroup cgroup rw,pids";
    expect(ownCgroups("5:pids:/docker/x/y\n", mounts)).toEqual(["/sys/fs/cgroup/pids/y"]);
  });
});

describe("renderSeed", () => {
  const spec = {
    id: 42,
    name: "n1",
    publicIp: "198.51.100.11",
    image: "debian-13",
    userData: "#cloud-config\nssh_deletekeys: true\n",
    sshKeys: ["ssh-ed25519 AAAA admin@example"],
    memoryGb: 8,
  };
  const seed = renderSeed(spec, "0123456789abcdef0123456789abcdef");
  const file = (name: string) => seed.find(({ path }) => path.endsWith(name));

  it("names the instance, the host and root's keys", () => {
    expect(parse(file("meta-data")?.text ?? "")).toEqual({
      "instance-id": "42",
      "local-hostname": "n1",
      "public-keys": ["ssh-ed25519 AAAA admin@example"],
    });
  });

  it("passes user-data on as it was sent, readable by root only", () => {
    expect(file("user-data")).toMatchObject({ text: spec.userData, mode: 0o600 });
  });

  it("keeps cloud-init away from the network", () => {
    expect(parse(file("network-config")?.text ?? "")).toEqual({ network: { config: "disabled" } });
  });
});

describe("links", () => {
  it("sets up the lab's side", () => {
    expect(baseLinks("gardenos-lab-1")).toMatchInlineSnapshot(`
      [
        "link set dev lo up",
        "address add 192.0.2.1/32 dev lo",
        "address add 203.0.113.10/32 dev lo",
        "address add 203.0.113.99/32 dev lo",
        "link add name pub address 02:00:00:00:00:01 mtu 1500 type bridge mcast_snooping 0",
        "link set dev pub addrgenmode none",
        "link set dev pub up",
        "address add 172.31.1.1/32 dev pub",
        "link set dev pub alias gardenos-lab-1",
      ]
    `);
  });

  it("lays an isolated cable with Hetzner's sizes", () => {
    expect(plugLinks(publicCable(300), 99)).toMatchInlineSnapshot(`
      [
        "link add name pub-300 mtu 1500 type veth peer name eth0 address 96:00:00:00:01:2c mtu 1500 netns 99",
        "link set dev pub-300 addrgenmode none master pub",
        "link set dev pub-300 type bridge_slave isolated on",
        "link set dev pub-300 up",
      ]
    `);
    expect(plugLinks(privateCable(300, nic, "enp7s0"), 99)).toMatchInlineSnapshot(`
      [
        "link add name n7-8c mtu 1450 type veth peer name enp7s0 address 86:00:00:00:00:01 mtu 1450 netns 99",
        "link set dev n7-8c addrgenmode none master net7",
        "link set dev n7-8c type bridge_slave isolated on",
        "link set dev n7-8c up",
      ]
    `);
  });

  it("names devices within the kernel's 15 characters, for ids as long as Hetzner's", () => {
    const [server, network] = [123_456_789, 12_345_678];
    const cables = [publicCable(server), privateCable(server, { ...nic, networkId: network }, "enp7s0")];
    const names = cables.flatMap(({ bridge, port, device }) => [bridge, port, device]);
    expect(names.filter((name) => name.length > 15)).toEqual([]);
  });

  it("sends a private network through its gateway", () => {
    expect(privateCardLinks(nic, "enp7s0")).toMatchInlineSnapshot(`
      [
        "link set dev enp7s0 addrgenmode none",
        "link set dev enp7s0 up",
        "address add 10.0.1.11/32 dev enp7s0",
        "route add 10.0.0.1 dev enp7s0 scope link",
        "route add 10.0.0.0/16 via 10.0.0.1 dev enp7s0 onlink",
      ]
    `);
  });
});

describe("nspawnArgs", () => {
  const args = nspawnArgs({ dir: "/src/a/.lab/machines/12", name: "lab-12", hostname: "n1" });

  it("keeps the host's clock and kernel modules out of reach", () => {
    expect(args).toContain("--drop-capability=CAP_SYS_TIME,CAP_SYS_MODULE");
  });

  it("runs the machine's own root with its own network", () => {
    expect(args).toEqual(
      expect.arrayContaining([
        "--directory=/src/a/.lab/machines/12/root",
        "--private-network",
        "--hostname=n1",
      ]),
    );
  });
});
