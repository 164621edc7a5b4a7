/** What K3s reads on a node, as real files; the scripts among them are judged by shellcheck in host-files.test.ts. */
import { execFileSync } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, it } from "vitest";
import { parse } from "yaml";
import { renderKubeconfig } from "../../components/k3s-control-plane/kubeconfig.ts";
import {
  type K3sConfig,
  renderAdmission,
  renderAuditPolicy,
  renderConfig,
  renderEventRateLimit,
  renderKubectl,
  renderNodeEnv,
  renderUnit,
} from "../../components/k3s-control-plane/render.ts";

const SERVERS = [1, 2, 3].map((n) => ({ name: `n${n}`, ip: `10.0.1.${10 + n}` }));
const N1 = { name: "n1", ip: "10.0.1.11" };
const VERSION = "v1.36.5+k3s1";
const CONFIG: K3sConfig = {
  cis: true,
  podCidr: "10.42.0.0/16",
  serviceCidr: "10.43.0.0/16",
  dnsIp: "10.43.0.10",
  sans: ["gardenos-prod", "198.51.100.200"],
  datastoreEndpoints: SERVERS.map(({ ip }) => `https://${ip}:2379`),
};

const golden = (name: string) => `./host/${name}`;

it.each([
  ["k3s-config.yaml", renderConfig(N1, CONFIG)],
  ["k3s-audit.yaml", renderAuditPolicy()],
  ["k3s-admission.yaml", renderAdmission()],
  ["k3s-event-rate-limit.yaml", renderEventRateLimit()],
  ["k3s.env", renderNodeEnv(N1, SERVERS, VERSION)],
  ["kubectl.sh", renderKubectl(VERSION)],
])("%s", async (name, text) => {
  await expect(text).toMatchFileSnapshot(golden(name));
});

it("unit, which systemd accepts", async () => {
  await expect(renderUnit(VERSION)).toMatchFileSnapshot(golden("k3s.service"));
  const scratch = mkdtempSync(join(tmpdir(), "gardenos-k3s-"));
  const unit = join(scratch, "k3s.service");
  const text = renderUnit(VERSION)
    .replace(/^(Exec\w+)=.*$/gm, "$1=/bin/true")
    .replaceAll("etcd.service", "")
    .replace("gardenos-firewall.service", "");
  writeFileSync(unit, text);
  expect(execFileSync("systemd-analyze", ["verify", unit], { stdio: "pipe", encoding: "utf8" })).toBe("");
  rmSync(scratch, { recursive: true });
});

it("hardening is a matter of arguments and of nothing else", () => {
  const keys = (cis: boolean) => parse(renderConfig(N1, { ...CONFIG, cis })) as Record<string, unknown>;
  const [soft, hard] = [keys(false), keys(true)];
  const changed = Object.keys(hard).filter((key) => JSON.stringify(hard[key]) !== JSON.stringify(soft[key]));
  expect(changed).toEqual(["kube-apiserver-arg", "kube-controller-manager-arg", "kubelet-arg"]);
});

it("a kubeconfig checks a name that every server's certificate holds, whatever the address", () => {
  const text = renderKubeconfig({
    cluster: "gardenos-dev",
    user: "admin",
    host: "198.51.100.200",
    port: 6443,
    caPem: "CA",
    certPem: "CERT",
    keyPem: "KEY",
  });
  expect(parse(text)).toMatchObject({
    clusters: [
      {
        name: "gardenos-dev",
        cluster: {
          server: "https://198.51.100.200:6443",
          "tls-server-name": "kubernetes",
          "certificate-authority-data": Buffer.from("CA").toString("base64"),
        },
      },
    ],
    "current-context": "gardenos-dev",
  });
});
