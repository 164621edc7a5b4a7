import * as pulumi from "@pulumi/pulumi";
import { describe, expect, it } from "vitest";
import { K3sControlPlane } from "../../components/k3s-control-plane/index.ts";
import { type Recording, record } from "../support/record.ts";

const artifact = { version: "v1.36.5+k3s1", url: "https://example.org/k3s", sha256: "a".repeat(64) };
const SETTINGS = {
  artifact,
  images: null,
  kubernetesVersion: "1.36.5",
  cis: false,
  podCidr: "10.42.0.0/16",
  serviceCidr: "10.43.0.0/16",
  apiServiceIp: "10.43.0.1",
  dnsIp: "10.43.0.10",
};
const KEYS = ["n1", "n2", "n3"];

function controlPlane(labels: Readonly<Record<string, string>> = {}): Promise<Recording> {
  return record(() => {
    const servers = Object.fromEntries(
      KEYS.map((key, i) => [
        key,
        {
          host: { key, serverId: pulumi.output(`${100 + i}`), connection: { host: `198.51.100.${i}` } },
          ip: `10.0.1.${11 + i}`,
          after: [],
        },
      ]),
    );
    const endpoints = Object.fromEntries(KEYS.map((key, i) => [key, `https://10.0.1.${11 + i}:2379`]));
    const client = { cert: pulumi.output("CERT"), key: pulumi.secret("CANARY") };
    const k3s = new K3sControlPlane("k3s", {
      servers,
      nodeLabels: Object.fromEntries(KEYS.map((key) => [key, labels])),
      settings: SETTINGS,
      clusterName: "gardenos-test",
      sans: ["k8s.example.org"],
      etcd: { endpoints, caPem: "CA", client, ready: [] },
    });
    return { kubeconfig: k3s.grantAccess("192.0.2.5").kubeconfig };
  });
}

const commands = ({ resources }: Recording) => resources.filter((r) => r.type === "command:remote:Command");

describe("three servers", () => {
  it("are exactly these steps, all children of the component", async () => {
    const made = commands(await controlPlane());
    const steps = ["files", "labels", "roll", "start"];
    expect(made.map((r) => r.name).sort()).toEqual([
      "k3s-dns",
      ...KEYS.flatMap((key) => steps.map((step) => `k3s-${key}-${step}`)),
    ]);
    expect(made.every((r) => r.parent === "k3s")).toBe(true);
  });

  it("start one at a time, and roll one at a time only after every start", async () => {
    const made = commands(await controlPlane());
    const waitsFor = (name: string) =>
      made.find((r) => r.name === name)?.dependsOn.filter((other) => made.some((r) => r.name === other));
    const starts = ["k3s-n1-start", "k3s-n2-start", "k3s-n3-start"];
    expect(waitsFor("k3s-n1-files")).toEqual([]);
    expect(waitsFor("k3s-n1-start")).toEqual(["k3s-n1-files", "k3s-n2-files", "k3s-n3-files"]);
    expect(waitsFor("k3s-n2-start")).toContain("k3s-n1-start");
    expect(waitsFor("k3s-n3-start")).toContain("k3s-n2-start");
    expect(waitsFor("k3s-n1-roll")).toEqual(starts);
    expect(waitsFor("k3s-n3-roll")).toEqual([...starts, "k3s-n2-roll"].sort());
  });

  it("share a token and have a password each, which only standard input carries", async () => {
    const { resources } = await controlPlane();
    const passwords = resources.filter((r) => r.type === "random:index/randomPassword:RandomPassword");
    expect(passwords.map((r) => r.name).sort()).toEqual([
      "k3s-n1-password",
      "k3s-n2-password",
      "k3s-n3-password",
      "k3s-token",
    ]);
    for (const { plain } of commands({ resources, outputs: {} } as Recording)) {
      expect(JSON.stringify(plain["create"])).not.toContain("CANARY");
    }
  });

  it("take labels in a step of their own, so that a label restarts nothing", async () => {
    const text = async (labels: Readonly<Record<string, string>>) =>
      Object.fromEntries(commands(await controlPlane(labels)).map((r) => [r.name, r.plain["create"]]));
    const [before, after] = [await text({}), await text({ workload: "data" })];
    const changed = Object.keys(after).filter((name) => after[name] !== before[name]);
    expect(changed.sort()).toEqual(["k3s-n1-labels", "k3s-n2-labels", "k3s-n3-labels"]);
  });
});
