/** HAProxy's configuration as a real file, judged by HAProxy, by the hook that judges it on a node, and by its meaning. */
import { execFileSync } from "node:child_process";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { renderInClusterConfig } from "../../components/haproxy-lb/in-cluster-config.ts";
import { EMPTY_DRAIN_LIST, type HaproxyConfig, PEM, renderDropIn, renderHaproxyConfig, renderPem } from "../../components/haproxy-lb/render.ts";
import { repositoryPath } from "../../lib/repository-file.ts";
import { PORTS } from "../../plan/ports.ts";

const NODES = [1, 2, 3].map((n) => ({ key: `n${n}`, ip: `10.0.1.${10 + n}` }));
const CONFIG: HaproxyConfig = {
  ip: "10.0.1.11",
  nodes: NODES,
  servers: NODES,
  access: { adminCidrs: ["203.0.113.10/32"], podCidr: "10.42.0.0/16", loadBalancerIp: "10.0.1.5" },
  settings: { connectTimeoutSeconds: 1, idleTimeoutSeconds: 3600, hardStopSeconds: 1800 },
  ingress: { ping: true },
  postgres: {
    servers: NODES.map(({ key, ip }, i) => ({ name: key, address: `${ip}:${30540 + i}`, restPort: 30580 + i })),
    allowedCidrs: ["198.51.100.0/24"],
  },
  stats: { user: "gardenos", password: "PASSWORD" },
};
const { loadBalancerIp: _, ...WITHOUT_BALANCER } = CONFIG.access;

let staged = "";
beforeAll(() => {
  staged = mkdtempSync(join(tmpdir(), "gardenos-golden-"));
  const openssl = ["req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-subj", "/CN=test"];
  const pem = execFileSync("openssl", [...openssl, "-keyout", "-"], { encoding: "utf8", stdio: "pipe" });
  for (const path of Object.values(PEM)) put(path, renderPem(pem, ""));
  put("/etc/haproxy/drain.lst", EMPTY_DRAIN_LIST);
});
afterAll(() => rmSync(staged, { recursive: true }));

function put(path: string, text: string): void {
  mkdirSync(dirname(join(staged, path)), { recursive: true });
  writeFileSync(join(staged, path), text);
}

/** What the hook says of a configuration on a node: nothing, when it is good. */
function validate(text: string): string {
  put("/etc/haproxy/haproxy.cfg", text);
  const env = { ...process.env, STAGED: staged };
  return execFileSync("sh", [repositoryPath("files/haproxy/validate.sh")], { env, stdio: "pipe", encoding: "utf8" });
}

/** Lines of a section, by its title. */
function section(text: string, title: string): string[] {
  const part = text.split("\n\n").find((each) => each.startsWith(`${title}\n`));
  return part?.trimEnd().split("\n").slice(1).map((line) => line.trim()) ?? [];
}

const FRONTS = { "kubernetes-api": PORTS.kubernetesApi, "ingress-http": PORTS.http, "ingress-https": PORTS.https };

describe("the file", () => {
  it("is what HAProxy accepts", async () => {
    await expect(renderHaproxyConfig(CONFIG)).toMatchFileSnapshot("./host/haproxy.cfg");
    expect(validate(renderHaproxyConfig(CONFIG))).toBe("");
  });

  it("is what HAProxy accepts without load balancer and without ping, and with more networks than a line holds", () => {
    const adminCidrs = Array.from({ length: 200 }, (_each, i) => `203.0.113.${i}/32`);
    const access = { ...WITHOUT_BALANCER, adminCidrs };
    expect(validate(renderHaproxyConfig({ ...CONFIG, access, ingress: { ping: false } }))).toBe("");
  });

  it("is refused before it is installed when a word or a certificate of it is wrong", () => {
    const good = renderHaproxyConfig(CONFIG);
    expect(() => validate(good.replace("balance leastconn", "balance leastcon"))).toThrow(/leastcon/);
    expect(() => validate(good.replace("api-ca.pem", "missing.pem"))).toThrow(/missing\.pem/);
  });

  it("has another description when anything else is another", () => {
    const description = (config: HaproxyConfig) => section(renderHaproxyConfig(config), "global")[0];
    expect(description(CONFIG)).toMatch(/^description gardenos-[0-9a-f]{12}$/);
    expect(description({ ...CONFIG, settings: { ...CONFIG.settings, hardStopSeconds: 60 } })).not.toBe(description(CONFIG));
    expect(description({ ...CONFIG, ingress: { ping: false } })).not.toBe(description(CONFIG));
  });
});

describe("who comes in", () => {
  it.each(Object.entries(FRONTS))("%s listens where the table of ports says", (name, { port }) => {
    expect(section(renderHaproxyConfig(CONFIG), `frontend ${name}`)[0]).toMatch(new RegExp(`^bind :${port} `));
  });

  it("reads a PROXY header from the load balancer only, and from nobody where there is none", () => {
    const believed = (text: string) => text.split("\n").filter((line) => line.includes("proxy layer4"));
    expect(believed(renderHaproxyConfig(CONFIG))).toEqual(
      Array(3).fill("    tcp-request connection expect-proxy layer4 if { src 10.0.1.5 }"),
    );
    const without = renderHaproxyConfig({ ...CONFIG, access: WITHOUT_BALANCER });
    expect(without).not.toMatch(/expect-proxy|accept-proxy/);
    expect(without).not.toContain("10.0.1.5");
  });

  it("lets this machine, nodes, pods and administrators reach the API, and judges after the header", () => {
    const lines = section(renderHaproxyConfig(CONFIG), "frontend kubernetes-api");
    const sources = lines.flatMap((line) => /^acl allowed src (.*)$/.exec(line)?.[1] ?? []);
    expect(sources).toEqual(["127.0.0.1", "10.0.1.11", "10.0.1.12", "10.0.1.13", "10.42.0.0/16", "203.0.113.10/32"]);
    expect(lines).toContain("tcp-request session reject unless allowed");
  });

  it("shows statistics and health on the private address only", () => {
    const binds = ["stats", "monitor"].map((name) => section(renderHaproxyConfig(CONFIG), `frontend ${name}`)[2]);
    expect(binds).toEqual([expect.stringMatching(/^bind 10\.0\.1\.11:8404 ssl /), "bind 10.0.1.11:8405"]);
  });
});

describe("checks", () => {
  const number = (text: string, pattern: RegExp) => Number(pattern.exec(text)?.[1]);

  it("have a dead server out within 2.5 seconds, however it died", () => {
    const text = renderHaproxyConfig(CONFIG);
    const inter = number(text, / inter (\d+)ms/);
    const fast = number(text, / fastinter (\d+)ms/);
    const answer = number(text, /timeout check (\d+)ms/);
    expect(number(text, / fall (\d+)/)).toBe(2);
    expect(inter + 2 * Math.max(inter, answer) + fast).toBeLessThanOrEqual(2500);
  });

  it("verify API servers by authority and name", () => {
    const text = section(renderHaproxyConfig(CONFIG), "backend kubernetes-api").join("\n");
    expect(text).toContain("verify required");
    expect(text).toContain("verifyhost kubernetes");
    expect(text).not.toContain("verify none");
  });

  it("ask only nodes with an API server", () => {
    const text = renderHaproxyConfig({ ...CONFIG, servers: NODES.slice(0, 1) });
    const servers = (name: string) => section(text, `backend ${name}`).filter((line) => line.startsWith("server "));
    expect(servers("kubernetes-api")).toEqual(["server n1 10.0.1.11:6445"]);
    expect(servers("ingress-https")).toHaveLength(3);
  });

  it("count on nothing but an open port of an ingress controller that is not ours", () => {
    expect(renderHaproxyConfig({ ...CONFIG, ingress: { ping: false } })).not.toContain("/ping");
  });
});

it("all connections together need fewer files than some machines allow", () => {
  const maxconn = Number(/ maxconn (\d+)/.exec(renderHaproxyConfig(CONFIG))?.[1]);
  expect(2 * maxconn).toBeLessThan(19_000);
});

it("the addition to the unit is what systemd accepts", async () => {
  await expect(renderDropIn("10.0.1.11")).toMatchFileSnapshot("./host/haproxy-drop-in.conf");
  const unit = join(staged, "haproxy.service");
  writeFileSync(unit, `${renderDropIn("10.0.1.11").replace(/^ExecStartPre=.*$/m, "")}ExecStart=/bin/true\n`);
  expect(execFileSync("systemd-analyze", ["verify", unit], { stdio: "pipe", encoding: "utf8" })).toBe("");
});

describe("Postgres", () => {
  it("is reached from this machine, nodes and the configured networks, and from nobody else", () => {
    for (const name of ["postgres-primary", "postgres-replica"]) {
      const lines = section(renderHaproxyConfig(CONFIG), `frontend ${name}`);
      expect(lines.flatMap((line) => /^acl allowed src (.*)$/.exec(line)?.[1] ?? [])).toEqual([
        "127.0.0.1",
        "10.0.1.11",
        "10.0.1.12",
        "10.0.1.13",
        "198.51.100.0/24",
      ]);
      expect(lines).toContain("tcp-request connection reject unless allowed");
    }
  });

  it("follows the leader by Patroni's own word, and cuts sessions to one that has lost it", () => {
    const text = section(renderHaproxyConfig(CONFIG), "backend postgres-primary").join("\n");
    expect(text).toContain("http-check send meth GET uri /primary ");
    expect(text).toContain("on-marked-down shutdown-sessions");
    expect(text).toContain("verify required ca-file /etc/haproxy/pki/postgres-ca.pem");
    expect(text).toContain("server n2 10.0.1.12:30541 port 30581");
  });

  it("has no front in a stack without it", () => {
    expect(renderHaproxyConfig({ ...CONFIG, postgres: undefined })).not.toContain("postgres");
  });
});

describe("the in-cluster HAProxy", () => {
  const text = renderInClusterConfig({
    members: [
      { name: "postgres-0", serviceIp: "10.43.0.11" },
      { name: "postgres-1", serviceIp: "10.43.0.12" },
    ],
    healthPort: 8405,
  });

  it("is what HAProxy accepts", async () => {
    await expect(text).toMatchFileSnapshot("./host/haproxy-in-cluster.cfg");
    put("/etc/haproxy/postgres-ca.pem", execFileSync("cat", [join(staged, PEM.postgresCa)], { encoding: "utf8" }));
    expect(validate(text)).toBe("");
  });

  it("asks nobody for members' addresses: names are not answered while a node is lost", () => {
    expect(section(text, "backend postgres-replica").join("\n")).toContain("server postgres-0 10.43.0.11:5432 port 8008");
    expect(text).not.toContain("resolve");
  });
});

it("a stack without an ingress has no front for one", () => {
  const text = renderHaproxyConfig({ ...CONFIG, ingress: undefined });
  expect(text).not.toContain("ingress");
  expect(text).toContain("frontend kubernetes-api");
});
