import * as pulumi from "@pulumi/pulumi";
import { parseTar } from "nanotar";
import { describe, expect, it } from "vitest";
import { HaproxyLb } from "../../components/haproxy-lb/index.ts";
import { createLeaf, createRoot } from "../../components/pki/index.ts";
import { type Recording, record } from "../support/record.ts";

function balancers(): Promise<Recording> {
  return record(() => {
    const stack = new pulumi.ComponentResource("test:index:Authorities", "authorities");
    const root = createRoot("ca", "test", stack);
    const nodes = Object.fromEntries(
      ["n1", "n2", "n3"].map((key, i) => [
        key,
        {
          host: { key, serverId: pulumi.output(`${100 + i}`), connection: { host: `198.51.100.${i}` } },
          ip: `10.0.1.${11 + i}`,
          after: [],
        },
      ]),
    );
    const balancer = new HaproxyLb("haproxy", {
      nodes,
      servers: ["n1", "n2", "n3"],
      access: { adminCidrs: ["203.0.113.10/32"], podCidr: "10.42.0.0/16", loadBalancerIp: "10.0.1.5" },
      settings: { connectTimeoutSeconds: 1, idleTimeoutSeconds: 3600, hardStopSeconds: 1800 },
      ingress: { ping: true },
      pki: {
        apiCheck: createLeaf("check", root, { commonName: "gardenos:haproxy", uses: ["client_auth"] }, stack),
        apiCaChain: root.chain,
        statsCertificate: createLeaf("stats", root, { ips: ["10.0.1.11"], uses: ["server_auth"] }, stack),
      },
    });
    return { user: balancer.statsUser, password: balancer.statsPassword };
  });
}

const commands = ({ resources }: Recording) => resources.filter((r) => r.type === "command:remote:Command");

/** A table or file of the payload that travels to a node. */
function payload(recording: Recording, name: string): Record<string, string> {
  const stdin = commands(recording).find((r) => r.name === name)?.plain["stdin"];
  const tar = parseTar(Buffer.from(String(stdin), "base64"));
  return Object.fromEntries(tar.map((entry) => [entry.name, entry.text]));
}

/** Content of a file, by its path on the node. */
function fileOn(parts: Record<string, string>, path: string): string {
  const row = parts["files.tsv"]?.split("\n").findIndex((line) => line.startsWith(`${path}\t`));
  return parts[`content/${row}`] ?? "";
}

describe("HAProxy on three nodes", () => {
  it("is one bundle a node, none waiting for another", async () => {
    const made = commands(await balancers());
    expect(made.map((r) => r.name).sort()).toEqual(["haproxy-n1", "haproxy-n2", "haproxy-n3"]);
    for (const { name, parent, dependsOn } of made) {
      expect(parent, name).toBe("haproxy");
      expect(dependsOn.filter((other) => made.some((r) => r.name === other))).toEqual([]);
    }
  });

  it("differs by the node's own address, and sends to all nodes from each", async () => {
    const recording = await balancers();
    for (const [key, ip] of [["n1", "10.0.1.11"] as const, ["n3", "10.0.1.13"] as const]) {
      const text = fileOn(payload(recording, `haproxy-${key}`), "/etc/haproxy/haproxy.cfg");
      expect(text).toContain(`bind ${ip}:8404 ssl`);
      for (const n of [1, 2, 3]) expect(text).toContain(`server n${n} 10.0.1.${10 + n}:6445`);
    }
  });

  it("keeps password and keys out of the command's text and readable by root only", async () => {
    const recording = await balancers();
    const parts = payload(recording, "haproxy-n1");
    expect(fileOn(parts, "/etc/haproxy/haproxy.cfg")).toContain(
      "insecure-password CANARY-haproxy-stats-password",
    );
    expect(fileOn(parts, "/etc/haproxy/pki/api-check.pem")).toMatch(
      /check\n-----END CERTIFICATE-----\nCANARY-check-key/,
    );
    const secretFiles = parts["files.tsv"]?.split("\n").filter((row) => row.includes("\t0600\troot:root\t"));
    expect(secretFiles?.map((row) => row.split("\t")[0])).toEqual([
      "/etc/haproxy/haproxy.cfg",
      "/etc/haproxy/pki/api-check.pem",
      "/etc/haproxy/pki/stats.pem",
    ]);
    for (const { inputs } of commands(recording)) expect(JSON.stringify(inputs)).not.toContain("CANARY");
  });

  it("never takes back what the operator drained, and reloads for everything but the unit", async () => {
    const parts = payload(await balancers(), "haproxy-n1");
    expect(parts["files.tsv"]).toMatch(/^\/etc\/haproxy\/drain\.lst\t0644\troot:root\tyes\t/m);
    expect(parts["units.tsv"]).toBe(
      "haproxy.service\trestart\t/etc/systemd/system/haproxy.service.d/gardenos.conf\n" +
        "haproxy.service\treload\t/etc/haproxy\n",
    );
    expect(parts["packages"]).toBe("haproxy\nsocat\n");
  });
});
