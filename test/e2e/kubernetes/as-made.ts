/** `make up` ends with a Kubernetes that serves people, applications and nobody else. */
import { beforeAll, describe, expect, it, vi } from "vitest";
import { changed } from "../support/checkout.ts";
import type { CLIENTS } from "../support/cluster.ts";
import { NODES } from "../support/etcd.ts";
import { cluster, lab } from "./stack.ts";

/** Endpoints and iptables follow a change within seconds; a busy machine takes longer. */
const SOON = { timeout: 60_000, interval: 500 };

let entry: string;

beforeAll(async () => {
  entry = await cluster.entry();
});

describe("make up, from nothing", () => {
  it("ends with three ready nodes behind HAProxy on each", async () => {
    const status = await lab.status();
    expect(status.kubernetes).toEqual({
      version: "v1.36.5",
      nodes: NODES.map((name) => ({ name, ready: true, version: "v1.36.5" })),
      workloads: [
        { namespace: "apps", name: "agents", ready: 1, wanted: 1 },
        { namespace: "apps", name: "api", ready: 2, wanted: 2 },
        ...["auth", "gateway", "realtime", "rest", "storage"].map((name) => ({
          ...{ namespace: "supabase", name, ready: 2, wanted: 2 },
        })),
      ],
    });
    const backends = ["ingress-http", "ingress-https", "kubernetes-api"];
    expect(status.haproxy).toEqual(
      NODES.map((node) => ({
        node,
        drained: false,
        backends: [
          ...backends.map((name) => ({ name, up: 3, total: 3 })),
          { name: "postgres-primary", up: 1, total: 3 },
          { name: "postgres-replica", up: 2, total: 3 },
        ],
      })),
    );
  });

  it("changes nothing the second time, though applications run meanwhile", async () => {
    const { code, result, all } = await lab.up();
    expect(code, all).toBe(0);
    expect(changed(result)).toEqual([]);
    expect(result.drift).toEqual([]);
  });

  it("refuses to become less: that would delete what is above", async () => {
    const { code, stderr } = await lab.lab("up", "--profile", "hosts");
    expect(code).toBe(1);
    expect(stderr).toContain(
      "profile hosts: this lab is built up to full, and less would delete what is above.\n" +
        "Start afresh for that: npm run -s lab -- reset",
    );
  });
});

describe("the API", () => {
  it("is ready through the load balancer and through each node", async () => {
    const { nodes } = await lab.status();
    for (const address of [entry, ...nodes.map((node) => node.publicIp)]) {
      // kubectl forgets the name that the kubeconfig checks when it is given another server.
      const there = ["--server", `https://${address}:6443`, "--tls-server-name", "kubernetes"];
      expect(await cluster.get(...there, "get", "--raw", "/readyz")).toBe("ok");
    }
  });

  it("answers nobody outside the admin ranges, through no entry", async () => {
    const { nodes } = await lab.status();
    for (const address of [entry, ...nodes.map((node) => node.publicIp)]) {
      const url = `https://${address}:6443/version`;
      expect((await cluster.curl("admin", url)).stdout, address).toContain("gitVersion");
      expect((await cluster.curl("stranger", url)).stdout, address).toBe("");
    }
  });

  it("does what kubectl asks of it: watch, logs, exec, top, port-forward", async () => {
    const watch = ["get", "nodes", "--watch", "--request-timeout=3s", "-o", "name"];
    expect((await cluster.kubectl(...watch)).stdout).toContain("node/n1");
    expect(await cluster.get("-n", "apps", "exec", "writer-0", "--", "cat", "/data/file")).toBe("kept");
    expect((await cluster.kubectl("-n", "apps", "logs", "deployment/web")).code).toBe(0);
    await vi.waitFor(async () => {
      expect((await cluster.kubectl("top", "nodes")).stdout).toMatch(/^n1 +\d+m/m);
    }, SOON);
    const kubectl = "npm run -s lab -- kubectl -n apps port-forward deployment/web 18080:8080";
    const ask = "curl -s --retry 20 --retry-delay 1 --retry-connrefused http://127.0.0.1:18080/cgi-bin/who";
    const script = `${kubectl} >/dev/null & trap 'kill 0' EXIT; ${ask}`;
    expect((await lab.lab("exec", "--", "setsid", "sh", "-c", script)).stdout).toContain("web-");
  });

  it("shuts out the exported identity when its binding goes, and up brings it back", async () => {
    await lab.output("n1", "kubectl delete clusterrolebinding gardenos:admins");
    await vi.waitFor(async () => {
      expect((await cluster.kubectl("get", "nodes")).stderr).toContain('User "gardenos:admin" cannot list');
    }, SOON);
    const { result } = await lab.up();
    expect(result.drift.map(({ name }) => name)).toEqual(["gardenos:admins"]);
    expect(changed(result)).toEqual(["create gardenos:admins"]);
    expect(await cluster.get("get", "nodes", "-o", "name")).toContain("node/n3");
  });
});

describe("an application", () => {
  const ask = (from: keyof typeof CLIENTS, ...more: readonly string[]) =>
    cluster.curl(
      from,
      ...["--resolve", `web.example.org:443:${entry}`, ...more],
      "https://web.example.org/cgi-bin/who",
    );

  it.each(["admin", "stranger"] as const)("sees the address of its client, the %s", async (from) => {
    expect((await ask(from)).stdout).toMatch(
      from === "admin" ? /^203\.0\.113\.10 web-/ : /^203\.0\.113\.99 web-/,
    );
  });

  it("can't be lied to about it", async () => {
    const { stdout } = await ask("stranger", "-H", "X-Forwarded-For: 10.1.2.3");
    expect(stdout).toMatch(/^203\.0\.113\.99 web-/);
  });

  it("is met by HTTPS only, and browsers remember that", async () => {
    const show = ["-o", "/dev/null", "-w", "%{http_code} %{redirect_url} %header{strict-transport-security}"];
    const plain = await cluster.curl(
      ...(["stranger", ...show, "-H", "Host: web.example.org"] as const),
      `http://${entry}/cgi-bin/who`,
    );
    expect(plain.stdout).toBe("301 https://web.example.org/cgi-bin/who ");
    expect((await ask("stranger", ...show)).stdout).toBe("200  max-age=31536000");
  });

  it("finds its address in the Ingress, and its volume is kept when the claim goes", async () => {
    const ip = "jsonpath={.status.loadBalancer.ingress[0].ip}";
    expect(await cluster.get("-n", "apps", "get", "ingress", "web", "-o", ip)).toBe(entry);
    const volume = await cluster.get("-n", "apps", "get", "pvc", "data", "-o", "jsonpath={.spec.volumeName}");
    const policy = "jsonpath={.spec.persistentVolumeReclaimPolicy}";
    expect(await cluster.get("get", "pv", volume, "-o", policy)).toBe("Retain");
  });

  it("is measured, so that its autoscaler can work", async () => {
    await vi.waitFor(async () => {
      const utilization = "jsonpath={.status.currentMetrics[0].resource.current.averageUtilization}";
      expect(await cluster.get("-n", "apps", "get", "hpa", "web", "-o", utilization)).toMatch(/^\d+$/);
    }, SOON);
  });

  it("is refused where it wants more than Pod Security allows", async () => {
    const { stderr } = await cluster.kubectl("-n", "apps", "run", "root", "--image=x", "--privileged");
    expect(stderr).toContain('violates PodSecurity "restricted:v1.36"');
  });
});

describe("secrets in etcd", () => {
  const etcdctl = (args: string) =>
    `set -a; . /etc/etcd/ctl.env; ETCDCTL_ENDPOINTS=https://10.0.1.11:2379 ${args}`;

  beforeAll(async () => {
    await cluster.get(
      "-n",
      "apps",
      "create",
      "secret",
      "generic",
      "canary",
      "--from-literal=key=CANARY-IN-A-SECRET",
    );
  });

  it("are ciphertext", async () => {
    const read = "etcdctl get --print-value-only /registry/secrets/apps/canary | base64 -w0";
    const stored = Buffer.from(await lab.output("n1", etcdctl(read)), "base64").toString("latin1");
    expect(stored).toMatch(/^k8s:enc:aescbc:v1:/);
    expect(stored).not.toContain("CANARY-IN-A-SECRET");
    expect(await cluster.get("-n", "apps", "get", "secret", "canary", "-o", "jsonpath={.data.key}")).toBe(
      Buffer.from("CANARY-IN-A-SECRET").toString("base64"),
    );
  });
});

const NODE_NAME = "jsonpath={.items[0].spec.nodeName}";

describe("network policies", () => {
  /** Whether a TCP connection opens from a pod on n1. */
  async function reaches(pod: "ordinary" | "foreign", address: string, port: number): Promise<boolean> {
    const namespace = pod === "ordinary" ? "apps" : "default";
    const connect = ["exec", pod, "--", "nc", "-w", "2", address, String(port)];
    return (await cluster.kubectl("-n", namespace, ...connect)).code === 0;
  }

  const podIp = (selector: string) =>
    cluster.get("-n", "apps", "get", "pods", "-l", selector, "-o", "jsonpath={.items[0].status.podIP}");

  it.each([
    ["the kubelet of another node", "10.0.1.12", 10250],
    ["etcd of another node", "10.0.1.12", 2379],
    ["the API of Kubernetes", "10.43.0.1", 443],
    ["the API through HAProxy", "10.0.1.12", 6443],
  ])("keep an ordinary pod from %s, which a pod of an open namespace reaches", async (_, address, port) => {
    const pods = ["foreign", "ordinary"] as const;
    expect(await Promise.all(pods.map((pod) => reaches(pod, address, port)))).toEqual([true, false]);
  });

  it("keep pods of other namespaces, and of its own, from an application", async () => {
    const web = await podIp("app=web");
    expect(await reaches("foreign", web, 8080)).toBe(false);
    expect(await reaches("ordinary", web, 8080)).toBe(false);
    // Its own node is never kept from it: so something listens there.
    const node = await cluster.get(
      "get",
      "pods",
      "-A",
      `--field-selector=status.podIP=${web}`,
      "-o",
      NODE_NAME,
    );
    expect((await lab.on(node, `curl -s --max-time 3 http://${web}:8080/cgi-bin/who`)).code).toBe(0);
  });

  it.each([
    ["SSH of its node", "10.0.1.11", 22],
    ["SSH of another node", "10.0.1.12", 22],
    ["etcd's peers", "10.0.1.12", 2380],
    ["the metadata service", "169.254.169.254", 80],
    ["Traefik past HAProxy", "10.0.1.12", 8080],
  ])("and the host firewall keep every pod from %s", async (_, address, port) => {
    const pods = ["foreign", "ordinary"] as const;
    expect(await Promise.all(pods.map((pod) => reaches(pod, address, port)))).toEqual([false, false]);
  });

  it("let an ordinary pod resolve names", async () => {
    const { stdout } = await cluster.inPod("ordinary", "nslookup", "web.apps.svc.cluster.local");
    expect(stdout).toContain("Address: 10.43.");
  });
});
