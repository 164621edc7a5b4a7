import * as pulumi from "@pulumi/pulumi";
import { describe, expect, it } from "vitest";
import { EtcdCluster } from "../../components/etcd-cluster/index.ts";
import { type Recording, record } from "../support/record.ts";

const SETTINGS = {
  artifact: { version: "3.6.16", url: "https://example.org/etcd.tar.gz", sha256: "a".repeat(64) },
  quotaBytes: 2 ** 32,
  heartbeatMs: 100,
  electionMs: 1000,
  allowNewCluster: "",
};

function cluster(keys: readonly string[]): Promise<Recording> {
  return record(() => {
    const members = Object.fromEntries(
      keys.map((key, i) => [
        key,
        {
          host: { key, serverId: pulumi.output(`${100 + i}`), connection: { host: `198.51.100.${i}` } },
          ip: `10.0.1.${11 + i}`,
          after: [],
        },
      ]),
    );
    new EtcdCluster("etcd", { members, settings: SETTINGS, clusterToken: "test" });
  });
}

const commands = ({ resources }: Recording) => resources.filter((r) => r.type === "command:remote:Command");

describe("a three-member cluster", () => {
  it("is exactly these steps, all children of the component", async () => {
    const made = commands(await cluster(["n1", "n2", "n3"]));
    expect(made.map((r) => r.name).sort()).toEqual([
      "etcd-bootstrap",
      "etcd-n1-files",
      "etcd-n1-join",
      "etcd-n1-roll",
      "etcd-n2-files",
      "etcd-n2-join",
      "etcd-n2-roll",
      "etcd-n3-files",
      "etcd-n3-join",
      "etcd-n3-roll",
      "etcd-users",
    ]);
    expect(made.every((r) => r.parent === "etcd")).toBe(true);
  });

  it("joins one at a time, and rolls one at a time only after every join", async () => {
    const made = commands(await cluster(["n1", "n2", "n3"]));
    const waitsFor = (name: string) =>
      made.find((r) => r.name === name)?.dependsOn.filter((other) => made.some((r) => r.name === other));
    expect(waitsFor("etcd-n1-files")).toEqual([]);
    expect(waitsFor("etcd-bootstrap")).toEqual(["etcd-n1-files", "etcd-n2-files", "etcd-n3-files"]);
    expect(waitsFor("etcd-n1-join")).toEqual(["etcd-bootstrap"]);
    expect(waitsFor("etcd-n2-join")).toEqual(["etcd-bootstrap", "etcd-n1-join"]);
    expect(waitsFor("etcd-n3-join")).toEqual(["etcd-bootstrap", "etcd-n2-join"]);
    expect(waitsFor("etcd-n1-roll")).toEqual(["etcd-n1-join", "etcd-n2-join", "etcd-n3-join"]);
    expect(waitsFor("etcd-n2-roll")).toEqual([
      "etcd-n1-join",
      "etcd-n1-roll",
      "etcd-n2-join",
      "etcd-n3-join",
    ]);
    expect(waitsFor("etcd-n3-roll")).toEqual([
      "etcd-n1-join",
      "etcd-n2-join",
      "etcd-n2-roll",
      "etcd-n3-join",
    ]);
  });

  it("makes a new cluster when created, and only guards the old one when updated", async () => {
    const bootstrap = commands(await cluster(["n1", "n2", "n3"])).find((r) => r.name === "etcd-bootstrap");
    expect(bootstrap?.inputs["create"]).toContain("MODE='bootstrap'\nSERVER_IDS='100-101-102'\n");
    expect(bootstrap?.inputs["update"]).toContain("MODE='guard'\nSERVER_IDS='100-101-102'\n");
  });

  it("has no command that undoes anything when it is deleted", async () => {
    for (const { name, inputs } of commands(await cluster(["n1", "n2", "n3"]))) {
      expect(inputs, name).not.toHaveProperty("delete");
      expect(inputs, name).not.toHaveProperty("triggers");
    }
  });
});

describe("tokens of users with a password", () => {
  it("are signed with one key on all members, so that one that restarts knows them", async () => {
    const recording = await cluster(["n1", "n2", "n3"]);
    const keys = recording.resources.filter(({ name }) => name === "etcd-token-key");
    expect(keys.map(({ type }) => type)).toEqual(["tls:index/privateKey:PrivateKey"]);
    const lines = commands(recording)
      .filter(({ name }) => name.endsWith("-files"))
      .map(({ inputs }) => /^# \/etc\/etcd\/pki\/token\.key .*$/m.exec(String(inputs["create"]))?.[0]);
    expect(lines[0]).toBeDefined();
    expect(new Set(lines).size).toBe(1);
  });
});

describe("certificates", () => {
  const request = (recording: Recording, name: string) =>
    recording.resources.find((r) => r.type.endsWith("CertRequest") && r.name === name)?.inputs;

  it("name each member by address and name, and serve both ways", async () => {
    const recording = await cluster(["n1", "n2", "n3"]);
    expect(request(recording, "etcd-n2-server-request")).toMatchObject({
      ipAddresses: ["10.0.1.12", "127.0.0.1"],
      dnsNames: ["n2", "localhost"],
    });
    expect(recording.resources.find((r) => r.name === "etcd-n2-peer")?.inputs["allowedUses"]).toEqual([
      "digital_signature",
      "key_encipherment",
      "server_auth",
      "client_auth",
    ]);
  });

  it("make users known by common name, except Patroni, whose gateway refuses one", async () => {
    const recording = await cluster(["n1"]);
    expect(request(recording, "etcd-client-root-request")?.["subject"]).toEqual({ commonName: "root" });
    expect(request(recording, "etcd-client-k3s-request")?.["subject"]).toEqual({ commonName: "k3s" });
    expect(request(recording, "etcd-client-patroni-request")).not.toHaveProperty("subject");
  });
});
