/** Rendered host files as real files, judged by the tools that read them. */
import { execFileSync } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { firewallRules, renderUserData } from "../../components/hetzner-nodes/render.ts";
import { renderCtlEnv, renderEtcdEnv, renderMemberEnv, renderUnit, renderWrapper } from "../../components/etcd-cluster/render.ts";
import { renderAptSource, renderAuthorizedKeys, renderFirewall } from "../../components/host/render.ts";
import { repositoryPath } from "../../lib/repository-file.ts";

const MEMBERS = [1, 2, 3].map((n) => ({ name: `n${n}`, ip: `10.0.1.${10 + n}` }));
const N1 = { name: "n1", ip: "10.0.1.11" };
const SETTINGS = { quotaBytes: 4_294_967_296, heartbeatMs: 100, electionMs: 1000 };
const FIREWALL = {
  adminCidrs: ["203.0.113.10/32", "198.51.100.0/24"],
  nodeIps: MEMBERS.map((member) => member.ip),
  podCidr: "10.42.0.0/16",
  loadBalancerIp: "10.0.1.5",
  openToWorld: false,
};
const BOOTSTRAP = { privateKey: "-----BEGIN KEY-----\nabc\n-----END KEY-----\n", publicKey: "ecdsa-sha2-nistp256 AAAA\n" };

const golden = (name: string) => `./host/${name}`;

let scratch = "";
beforeAll(() => {
  scratch = mkdtempSync(join(tmpdir(), "gardenos-golden-"));
});
afterAll(() => rmSync(scratch, { recursive: true }));

/** Runs a checker; a failure shows what it said. */
const check = (command: string, ...args: string[]) => execFileSync(command, args, { stdio: "pipe", encoding: "utf8" });

describe("etcd", () => {
  it("environment of a member", async () => {
    await expect(renderEtcdEnv(N1, SETTINGS)).toMatchFileSnapshot(golden("etcd.env"));
  });

  it("what the scripts know of the cluster", async () => {
    await expect(renderMemberEnv(N1, MEMBERS, "gardenos-dev")).toMatchFileSnapshot(golden("member.env"));
  });

  it("environment of etcdctl", async () => {
    await expect(renderCtlEnv(MEMBERS)).toMatchFileSnapshot(golden("ctl.env"));
  });

  it("unit, which systemd accepts", async () => {
    await expect(renderUnit(N1, "3.6.16")).toMatchFileSnapshot(golden("etcd.service"));
    const unit = join(scratch, "etcd.service");
    writeFileSync(unit, renderUnit(N1, "3.6.16").replace(/^Exec.*$/gm, (line) => line.replace(/=.*/, "=/bin/true")));
    expect(check("systemd-analyze", "verify", unit)).toBe("");
  });

  it("client wrapper", async () => {
    await expect(renderWrapper("etcdctl", "3.6.16")).toMatchFileSnapshot(golden("etcdctl.sh"));
  });
});

describe("host firewall", () => {
  it("is what nft accepts", async () => {
    await expect(renderFirewall(FIREWALL)).toMatchFileSnapshot(golden("firewall.nft"));
    const rules = join(scratch, "firewall.nft");
    writeFileSync(rules, renderFirewall(FIREWALL));
    check("nft", "-c", "-f", rules);
  });

  it("closes SSH, etcd's peer port, Postgres and the ingress pods' own ports to pods before it opens anything to anyone", () => {
    const lines = renderFirewall(FIREWALL).split("\n");
    const drop = lines.findIndex((line) => line.includes("10.42.0.0/16 tcp dport { 22, 2380, 5432, 5433, 8080, 8443, 30540-30544, 30580-30584 } drop"));
    const firstOpen = lines.findIndex((line) => line.includes("tcp dport") && line.includes("accept"));
    expect(drop).toBeGreaterThan(0);
    expect(drop).toBeLessThan(firstOpen);
  });

  it("opens nothing for a list without members", () => {
    expect(renderFirewall({ ...FIREWALL, adminCidrs: [] })).not.toContain("dport { 22, 6443 } accept");
  });

  it("lets everybody to the ingress, and no load balancer in, where clients reach the nodes themselves", () => {
    const { loadBalancerIp: _, ...open } = { ...FIREWALL, openToWorld: true };
    const rules = renderFirewall(open);
    expect(rules).toContain("ip saddr { 0.0.0.0/0 } tcp dport { 80, 443 } accept");
    expect(rules).not.toContain("10.0.1.5");
  });

  it("has a unit that systemd accepts", () => {
    expect(check("systemd-analyze", "verify", repositoryPath("files/baseline/firewall.service"))).toBe("");
  });
});

describe("cloud-init", () => {
  it("user-data", async () => {
    await expect(renderUserData(BOOTSTRAP)).toMatchFileSnapshot(golden("user-data.yaml"));
  });

  it("is smaller than Hetzner's limit by far", () => {
    expect(renderUserData(BOOTSTRAP).length).toBeLessThan(2048);
  });
});

it("package source", async () => {
  const text = renderAptSource({ uri: "http://192.0.2.1/debian", suite: "lab", components: ["main", "extra"] });
  await expect(text).toMatchFileSnapshot(golden("gardenos.sources"));
});

it("authorised keys: the program's first, people by name", () => {
  expect(renderAuthorizedKeys("ssh-ed25519 DEPLOY\n", { zoe: "ssh-ed25519 Z zoe", adam: "ssh-ed25519 A adam" })).toBe(
    "ssh-ed25519 DEPLOY\nssh-ed25519 A adam\nssh-ed25519 Z zoe\n",
  );
});

describe("public firewall", () => {
  const adminCidrs = ["203.0.113.10/32"];
  const openings = (openToWorld: boolean) =>
    firewallRules({ adminCidrs, openToWorld }).map((rule) => {
      expect(rule.direction).toBe("in");
      return `${rule.protocol} ${rule.port ?? ""} ${rule.sourceIps.join(" ")}`;
    });

  it("is SSH and the API for administrators, and ping for all, behind a load balancer", () => {
    expect(openings(false)).toEqual([
      "tcp 22 203.0.113.10/32",
      "tcp 6443 203.0.113.10/32",
      "icmp  0.0.0.0/0 ::/0",
    ]);
  });

  it("opens the ingress to everybody where clients reach the nodes themselves", () => {
    expect(openings(true)).toContain("tcp 443 0.0.0.0/0 ::/0");
  });
});

it("every shell script of the program passes shellcheck", () => {
  const scripts = check("git", "ls-files", "--cached", "--others", "--exclude-standard", "files/**/*.sh", "lab/**/*.sh", "bench/*.sh");
  const paths = scripts.trim().split("\n").map(repositoryPath);
  expect(paths.length).toBeGreaterThan(8);
  // Steps are pasted behind a list of variables, so they have no first line of their own.
  for (const path of paths) check("shellcheck", ...(isFragment(path) ? ["-s", "sh"] : []), path);
});

const isFragment = (path: string): boolean => !check("head", "-c", "2", path).startsWith("#!");
