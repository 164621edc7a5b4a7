import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { isIdle, renderConfig } from "../../lab/balancers/config.ts";
import { parseHealth } from "../../lab/balancers/stats.ts";
import type { BalancerSpec, HealthCheck } from "../../lab/cloud/balancers.ts";
import { run } from "../../lab/machines/run.ts";

const tcp: HealthCheck = { port: 22, interval: 15, timeout: 10, retries: 3 };
const http: HealthCheck = {
  port: 8405,
  interval: 3,
  timeout: 2,
  retries: 2,
  http: {
    domain: "api.example.com",
    path: '/health?a="$HOME"\\',
    response: "all is well",
    statusCodes: ["200", "3??"],
    tls: true,
  },
};
const spec: BalancerSpec = {
  id: 300,
  publicIp: "198.51.100.200",
  isPublic: true,
  nic: { networkId: 7, ip: "10.0.1.5", gateway: "10.0.0.1" },
  algorithm: "least_connections",
  services: [
    { listenPort: 6443, destinationPort: 6443, proxyProtocol: true, check: http },
    { listenPort: 2222, destinationPort: 22, proxyProtocol: false, check: tcp },
  ],
  targets: [
    { server: 11, ip: "10.0.1.1", isPrivate: true },
    { server: 12, ip: "198.51.100.12", isPrivate: false },
  ],
};

describe("HAProxy's configuration", () => {
  it("has services, checks and targets, each from its own side", async () => {
    await expect(renderConfig(spec)).toMatchFileSnapshot("golden/haproxy.cfg");
  });

  it("is taken by HAProxy", async () => {
    const dir = mkdtempSync(join(tmpdir(), "haproxy-"));
    const file = join(dir, "haproxy.cfg");
    writeFileSync(file, renderConfig(spec));
    await run(["haproxy", "-c", "-q", "-f", file]).finally(() => rmSync(dir, { recursive: true }));
  });

  it("is not needed where nobody can be served", () => {
    const { nic: _, ...closed } = { ...spec, isPublic: false };
    expect([isIdle(spec), isIdle({ ...spec, services: [] }), isIdle(closed)]).toEqual([false, true, true]);
  });
});

describe("the statistics", () => {
  it("tell a target's health per service; others are left out", () => {
    const stats = [
      "# pxname,svname,status,check_status,",
      "port_80,server_11_10.0.1.1,UP,L7OK,",
      "port_80,server_12_10.0.1.2,UP 1/2,* L7STS,",
      "port_80,server_13_10.0.1.3,DOWN 1/2,L7STS,",
      "port_80,server_14_10.0.1.4,UP,INI,",
      "port_80,BACKEND,UP,,",
      "GLOBAL,FRONTEND,OPEN,,",
    ].join("\n");
    expect(parseHealth(`${stats}\n\n`)).toEqual([
      { server: 11, listenPort: 80, health: "healthy" },
      { server: 12, listenPort: 80, health: "healthy" },
      { server: 13, listenPort: 80, health: "unhealthy" },
      { server: 14, listenPort: 80, health: "unknown" },
    ]);
  });
});
