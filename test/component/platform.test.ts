import * as pulumi from "@pulumi/pulumi";
import { describe, expect, it } from "vitest";
import { Platform } from "../../components/platform/index.ts";
import { ADMIN_GROUP } from "../../plan/access.ts";
import { INGRESS, NETWORK } from "../support/platform.ts";
import { type Recorded, type Recording, record } from "../support/record.ts";
import { MANIFEST } from "../support/settings.ts";
import { clusterProvider, gate } from "../support/world.ts";

type Args = ConstructorParameters<typeof Platform>[1];

function platform(changes: Partial<Args> = {}): Promise<Recording> {
  return record(() => {
    new Platform(
      "platform",
      {
        profile: "full",
        kubernetesVersion: "1.36.5",
        network: NETWORK,
        ingress: INGRESS,
        supabase: false,
        tls: "internal-ca",
        images: MANIFEST.images,
        entry: { kind: "ip", value: pulumi.output("203.0.113.80") },
        after: [gate()],
        ...changes,
      },
      { providers: [clusterProvider()] },
    );
  });
}

const objects = ({ resources }: Recording) => resources.filter((r) => r.type.startsWith("kubernetes:"));
const kindOf = ({ type }: Recorded) => type.split(":").at(-1) ?? "";
const listed = (recording: Recording) => objects(recording).map((r) => `${kindOf(r)} ${r.name}`);

const find = (recording: Recording, title: string) => {
  const found = objects(recording).find((r) => `${kindOf(r)} ${r.name}` === title);
  if (!found) throw new Error(`no ${title}`);
  return found;
};

const LEAST = [
  "ClusterRoleBinding gardenos:admins",
  "PriorityClass gardenos-data",
  "PriorityClass gardenos-platform",
  "PriorityClass gardenos-apps",
  "Namespace apps",
  "NetworkPolicy apps/default-deny",
  "NetworkPolicy apps/dns",
  "NetworkPolicy apps/from-ingress",
];

describe("the set of objects", () => {
  it("is access, priorities and namespaces at profile kubernetes", async () => {
    expect(listed(await platform({ profile: "kubernetes" })).sort()).toEqual([...LEAST].sort());
  });

  it("holds the workloads and what they need at profile full", async () => {
    const made = listed(await platform());
    expect(made).toEqual(expect.arrayContaining(LEAST));
    expect(
      made
        .filter((each) => /^(DaemonSet|Deployment|APIService|StorageClass|IngressClass) /.test(each))
        .sort(),
    ).toEqual([
      "APIService v1beta1.metrics.k8s.io",
      "DaemonSet gardenos-ingress/traefik",
      "Deployment gardenos-storage/local-path-provisioner",
      "Deployment gardenos-system/metrics-server",
      "IngressClass traefik",
      "StorageClass gardenos-retain",
      "StorageClass local-path",
    ]);
    expect(new Set(made).size).toBe(made.length);
  });

  it("has nothing of Traefik where another controller is brought", async () => {
    const made = listed(await platform({ ingress: { ...INGRESS, class: "none" } }));
    expect(made.filter((each) => /traefik|gardenos-ingress/i.test(each))).toEqual([]);
    expect(made).toContain("Deployment gardenos-system/metrics-server");
  });

  it("asks for no second metrics-server where there is one node", async () => {
    const network = { ...NETWORK, nodeIps: ["10.0.1.11"], apiServerIps: ["10.0.1.11"] };
    const { inputs } = find(await platform({ network }), "Deployment gardenos-system/metrics-server");
    expect(inputs).toMatchObject({ spec: { replicas: 1 } });
  });
});

describe("every object", () => {
  it("is the component's child", async () => {
    expect(objects(await platform()).filter((r) => r.parent !== "platform")).toEqual([]);
  });

  it("goes through the given provider", async () => {
    for (const { name, provider } of objects(await platform())) expect(provider, name).toBe("cluster");
  });
});

describe("order", () => {
  it("begins when the cluster is there", async () => {
    const recording = await platform();
    for (const r of [
      find(recording, "Namespace apps"),
      find(recording, `ClusterRoleBinding ${ADMIN_GROUP}`),
    ]) {
      expect(r.dependsOn, r.name).toEqual(["gate"]);
    }
  });

  it("closes a namespace before any pod starts in it", async () => {
    const recording = await platform();
    for (const workload of objects(recording).filter((r) =>
      ["DaemonSet", "Deployment"].includes(kindOf(r)),
    )) {
      const before = reach(recording, workload);
      const [namespace, name] = workload.name.split("/");
      const wanted = [namespace, `${namespace}/default-deny`, workload.name, "gardenos-platform"];
      expect(before, name).toEqual(expect.arrayContaining(wanted));
    }
  });

  it("offers the API of metrics-server after what serves it", async () => {
    const api = find(await platform(), "APIService v1beta1.metrics.k8s.io");
    expect(api.dependsOn).toContain("gardenos-system/metrics-server");
  });
});

/** Names of everything that a resource waits for, directly or not. */
function reach(recording: Recording, from: Recorded): string[] {
  const seen = new Set<string>();
  const visit = (resource: Recorded) => {
    for (const name of resource.dependsOn) {
      if (seen.has(name)) continue;
      seen.add(name);
      for (const next of recording.resources.filter((r) => r.name === name)) visit(next);
    }
  };
  visit(from);
  return [...seen];
}

describe("metrics-server's certificate", () => {
  it("is named as the API server calls it, and verified by the authority that signed it", async () => {
    const recording = await platform();
    const request = recording.resources.find((r) => r.name === "platform-metrics-server-request");
    expect(request?.inputs["dnsNames"]).toEqual(["metrics-server.gardenos-system.svc"]);
    const { caBundle, ...spec } = find(recording, "APIService v1beta1.metrics.k8s.io").inputs["spec"] as {
      caBundle: string;
    };
    expect(Buffer.from(caBundle, "base64").toString()).toContain("platform-metrics-server-ca");
    expect(spec).not.toHaveProperty("insecureSkipTLSVerify");
  });

  it("has its key in a secret input only", async () => {
    const recording = await platform();
    const key = Buffer.from("CANARY-platform-metrics-server-key-pem\n").toString("base64");
    const secret = find(recording, "Secret gardenos-system/metrics-server");
    expect(secret.plain).toMatchObject({ data: { "tls.key": key } });
    expect(JSON.stringify(recording.resources.map((r) => r.inputs))).not.toContain(key);
  });
});
