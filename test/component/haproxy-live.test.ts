/** The rendered configuration in a real HAProxy: who gets in, how soon a dead server is out, what a reload keeps. */
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { renderHaproxyConfig } from "../../components/haproxy-lb/render.ts";
import { eventually } from "../machines/support/eventually.ts";
import { type Bench, CONFIG, startBench } from "./support/haproxy-bench.ts";

const ADMIN = "203.0.113.10";
const STRANGER = "198.51.100.66";
const BALANCER = "10.0.1.5";
const POD = "10.42.0.7";
const ALL_UP = { n1: "UP", n2: "UP", n3: "UP" };

let bench: Bench;

const healthy = () => void bench.node("healthy");

const allUp = () =>
  eventually(async () => {
    expect(await bench.states("kubernetes-api")).toEqual(ALL_UP);
    expect(await bench.states("ingress-http")).toEqual(ALL_UP);
  });

beforeAll(async () => {
  bench = await startBench();
  // Servers count as up until their first check, which needs the client certificate.
  await eventually(healthy);
  await allUp();
});
afterAll(() => bench?.stop());

const api = (from: string, header?: string) =>
  bench.ask({ do: "call", call: { from, port: 6443, tls: true, ...(header && { header }) } });
const web = (from: string, header?: string) =>
  bench.ask({ do: "call", call: { from, port: 80, ...(header && { header }) } });
const proxied = (source: string, port: number) => `PROXY TCP4 ${source} 10.0.1.11 40000 ${port}\r\n`;

describe("who reaches the API", () => {
  it("administrators, nodes and pods", async () => {
    for (const from of [ADMIN, "10.0.1.12", POD, "127.0.0.1"]) expect(await api(from)).toMatch(/^n[123]$/);
  });

  it("nobody else", async () => {
    expect(await api(STRANGER)).toMatch(/^refused/);
  });

  it("through the load balancer, the same ones: by the header's address, not by the balancer's", async () => {
    expect(await api(BALANCER, proxied(ADMIN, 6443))).toMatch(/^n[123]$/);
    expect(await api(BALANCER, proxied(STRANGER, 6443))).toMatch(/^refused/);
    expect(await api(BALANCER)).toMatch(/^refused/);
    expect(await api(BALANCER, "PROXY UNKNOWN\r\n")).toMatch(/^refused/);
  });

  it("no stranger who sends an administrator's header, and no pod that does", async () => {
    expect(await api(STRANGER, proxied(ADMIN, 6443))).toMatch(/^refused/);
    expect(await api(POD, proxied(ADMIN, 6443))).toMatch(/^refused/);
  });
});

describe("who reaches the ingress", () => {
  it("everybody, with the address they have, or had at the load balancer", async () => {
    expect(await web(STRANGER)).toMatch(/^n[123] 198\.51\.100\.66$/);
    expect(await web(BALANCER, proxied(STRANGER, 80))).toMatch(/^n[123] 198\.51\.100\.66$/);
  });

  it("nobody with an address that is not theirs", async () => {
    expect(await web(STRANGER, proxied(ADMIN, 80))).not.toContain(ADMIN);
  });
});

describe("an ingress pod", () => {
  it("that is about to stop gets no new connections, and is back after that", async () => {
    await bench.ask({ do: "set", server: "ingress-n3", mode: "stopping" });
    await eventually(async () => expect((await bench.states("ingress-https"))["n3"]).toBe("NOLB"));
    await eventually(async () => expect((await bench.states("ingress-http"))["n3"]).toBe("NOLB"));
    for (let i = 0; i < 4; i += 1) expect(await web(ADMIN)).toMatch(/^n[12] /);
    await bench.ask({ do: "set", server: "ingress-n3", mode: "ready" });
    await allUp();
  });
});

describe("a dead API server", () => {
  /** The promise is 2.5 s; test/golden/haproxy.test.ts does that sum. Here machines are busy. */
  const PATIENCE = 4000;

  /** Milliseconds until n2 is out. */
  async function timeUntilOut(): Promise<number> {
    const start = performance.now();
    while ((await bench.states("kubernetes-api"))["n2"] !== "DOWN") {
      if (performance.now() - start > 10_000) throw new Error("n2 is still in after ten seconds");
      await new Promise((resolve) => setTimeout(resolve, 10));
    }
    return performance.now() - start;
  }
  const note = (how: string, ms: number) => console.log(`API server ${how}: out after ${Math.round(ms)} ms`);

  it.each(["closed", "silent", "unready"] as const)(
    "that is %s is out in time, and back after that",
    async (mode) => {
      await bench.ask({ do: "set", server: "n2", mode });
      const ms = await timeUntilOut();
      note(mode, ms);
      expect(ms).toBeLessThan(PATIENCE);
      await bench.ask({ do: "set", server: "n2", mode: "ready" });
      await allUp();
    },
  );

  it("that lost its power takes its connections with it, and no new one waits for it", async () => {
    bench.run("nft", "add table inet lost; add chain inet lost input { type filter hook input priority 0; }");
    // Until one is with n2: the server with the fewest connections gets the next.
    await eventually(async () => expect(await bench.ask({ do: "open" })).toBe("n2"));
    bench.run("nft", "add rule inet lost input ip daddr 10.0.1.12 tcp dport 6445 drop");
    const start = performance.now();
    const cut = bench.ask({ do: "again" }).then((result) => ({ result, ms: performance.now() - start }));
    const answers = await Promise.all(Array.from({ length: 6 }, () => api(ADMIN)));
    expect(performance.now() - start).toBeLessThan(PATIENCE);
    expect(answers.filter((answer) => !/^n[13]$/.test(answer))).toEqual([]);
    const { result, ms } = await cut;
    note("without power", ms);
    expect(result).toMatch(/^refused/);
    expect(ms).toBeLessThan(PATIENCE);
    bench.run("nft", "delete table inet lost");
    await allUp();
  });
});

describe("the monitor", () => {
  const health = (from = BALANCER) =>
    bench.run(
      ...(["curl", "-s", "-o", "/dev/null", "-w", "%{http_code}", "--interface", from] as const),
      "http://10.0.1.11:8405/healthz",
    );

  it("answers the load balancer and nodes, and hangs up on others", () => {
    expect(health()).toBe("200");
    expect(health("10.0.1.13")).toBe("200");
    for (const from of [ADMIN, POD]) expect(() => health(from), from).toThrow();
  });

  it("answers 503 while the node is drained, through a reload, until it is ready again", async () => {
    bench.node("drain");
    expect(health()).toBe("503");
    expect(JSON.parse(bench.node("status"))).toEqual({
      drained: true,
      backends: ["ingress-http", "ingress-https", "kubernetes-api"].map((name) => ({
        name,
        up: 3,
        total: 3,
      })),
    });
    expect(await api(ADMIN)).toMatch(/^n[123]$/);
    const other = { ...CONFIG, settings: { ...CONFIG.settings, idleTimeoutSeconds: 1800 } };
    bench.install(renderHaproxyConfig(other));
    expect(() => bench.node("healthy")).toThrow(/another configuration/);
    bench.reload();
    await eventually(healthy);
    expect(health()).toBe("503");
    bench.node("ready");
    // The new process may not have asked all servers yet.
    await eventually(() => expect(health()).toBe("200"));
    expect(JSON.parse(bench.node("status"))).toMatchObject({ drained: false });
  });

  it("answers 503 when no API server is left", async () => {
    const all = (mode: "closed" | "ready") =>
      Promise.all(["n1", "n2", "n3"].map((server) => bench.ask({ do: "set", server, mode })));
    await all("closed");
    await eventually(async () => expect(health()).toBe("503"));
    await all("ready");
    await eventually(async () => expect(health()).toBe("200"));
    await allUp();
  });
});

it("a reload keeps open connections, and refuses none meanwhile", async () => {
  const server = await bench.ask({ do: "open" });
  bench.install(renderHaproxyConfig(CONFIG));
  bench.reload();
  let tries = 0;
  await eventually(async () => {
    tries += 1;
    expect(await api(ADMIN)).toMatch(/^n[123]$/);
    expect(tries).toBeGreaterThan(5);
    bench.node("healthy");
  });
  expect(await bench.ask({ do: "again" })).toBe(server);
});

describe("statistics", () => {
  const get = (path: string, ...more: string[]) =>
    bench.run(
      "curl",
      "-sk",
      "-o",
      "/dev/null",
      "-w",
      "%{http_code}",
      ...more,
      `https://10.0.1.11:8404${path}`,
    );

  it("are for those who know the password, over TLS", () => {
    expect(get("/metrics")).toBe("401");
    expect(get("/")).toBe("401");
    expect(get("/metrics", "-u", "gardenos:wrong")).toBe("401");
    expect(get("/metrics", "-u", "gardenos:not-so-secret")).toBe("200");
    expect(
      bench.run("curl", "-sk", "-u", "gardenos:not-so-secret", "https://10.0.1.11:8404/metrics"),
    ).toContain('haproxy_server_status{proxy="kubernetes-api",server="n1",state="UP"} 1');
  });

  it("offer no way to change anything", () => {
    const page = bench.run("curl", "-sk", "-u", "gardenos:not-so-secret", "https://10.0.1.11:8404/");
    expect(page).toContain("kubernetes-api");
    expect(page).not.toContain('name="action"');
  });
});
