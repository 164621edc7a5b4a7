/** Rules that hold for all objects of the platform, whatever is added to it. */
import { describe, expect, it } from "vitest";
import { isWorkload, type KubeObject } from "../../components/kubernetes/objects.ts";
import { contains } from "../../lib/cidr.ts";
import { NAMESPACES, type NamespacePlan, namespaces } from "../../plan/namespaces.ts";
import { METADATA_ADDRESS } from "../../plan/ports.ts";
import { workloads } from "../../plan/workloads.ts";
import { HELPER_POD, INGRESS, OBJECTS } from "../support/platform.ts";
import { settingsOf } from "../support/settings.ts";

/** As much of a pod as the rules look at. */
interface Pod {
  readonly automountServiceAccountToken?: boolean;
  readonly serviceAccountName?: string;
  readonly priorityClassName?: string;
  readonly hostNetwork?: boolean;
  readonly hostPID?: boolean;
  readonly hostIPC?: boolean;
  readonly securityContext?: Readonly<Record<string, unknown>>;
  readonly containers: readonly Container[];
  readonly initContainers?: readonly Container[];
  readonly volumes?: readonly Readonly<Record<string, unknown>>[];
}

interface Container {
  readonly image: string;
  readonly ports?: readonly { readonly hostPort?: number }[];
  readonly livenessProbe?: object;
  readonly readinessProbe?: object;
  readonly resources: {
    readonly requests: { readonly memory: string };
    readonly limits: { readonly memory: string };
  };
  readonly securityContext?: Readonly<Record<string, unknown>>;
}

interface Running {
  readonly kind: string;
  readonly name: string;
  readonly namespace: string;
  readonly replicas: number | undefined;
  readonly pod: Pod;
}

const running: readonly Running[] = OBJECTS.filter(isWorkload).map((object) => {
  const { spec } = object as unknown as { spec: { replicas?: number; template: { spec: Pod } } };
  const { name, namespace = "" } = object.metadata;
  return { kind: object.kind, name, namespace, replicas: spec.replicas, pod: spec.template.spec };
});

const containersOf = ({ pod }: Running) => [...pod.containers, ...(pod.initContainers ?? [])];
const spaces = namespaces({ profile: "full", ingress: INGRESS, supabase: true, tls: "acme" });
const ofKind = (kind: KubeObject["kind"]) => OBJECTS.filter((object) => object.kind === kind);

/** What Pod Security's level `restricted` would refuse. */
function offences({ pod, ...rest }: Running): string[] {
  const found = containersOf({ pod, ...rest }).flatMap(({ securityContext, ports }) => {
    const effective = { ...pod.securityContext, ...securityContext };
    return [
      effective["runAsNonRoot"] !== true && "runAsNonRoot",
      effective["allowPrivilegeEscalation"] !== false && "allowPrivilegeEscalation",
      JSON.stringify(effective["capabilities"]) !== '{"drop":["ALL"]}' && "capabilities",
      JSON.stringify(effective["seccompProfile"]) !== '{"type":"RuntimeDefault"}' && "seccompProfile",
      effective["privileged"] === true && "privileged",
      ports?.some(({ hostPort }) => hostPort !== undefined) && "hostPort",
    ];
  });
  const volumes = (pod.volumes ?? []).filter((volume) => "hostPath" in volume);
  const host = [pod.hostNetwork, pod.hostPID, pod.hostIPC].some(Boolean) && "host namespaces";
  return [...found, host, volumes.length > 0 && "hostPath"].filter((each) => typeof each === "string");
}

describe("pods", () => {
  it("keep to level restricted, but for Traefik's host ports", () => {
    const offenders = running
      .map((each) => [each.name, offences(each)] as const)
      .filter(([, o]) => o.length > 0);
    expect(offenders).toEqual([["traefik", ["hostPort"]]]);
  });

  it("run images that a tag and a digest name", () => {
    const helper = (HELPER_POD as { spec: Pod }).spec.containers;
    const images = [...running.flatMap(containersOf), ...helper].map(({ image }) => image);
    expect(images.length).toBeGreaterThan(3);
    for (const image of images) expect(image).toMatch(/^[^@]+:(?!latest)[^@:]+@sha256:[0-9a-f]{64}$/);
  });

  it("have a memory limit equal to the request, which is the one that the capacity check counts", () => {
    const table = workloads(settingsOf()).filter(({ name }) => name !== "coredns");
    const asked = running.map(({ name, kind, replicas, pod }) => ({
      name,
      pods: kind === "DaemonSet" ? "per node" : replicas,
      memory: pod.containers.map(({ resources }) => resources.requests.memory).join("+"),
    }));
    const byName = (a: { name: string }, b: { name: string }) => a.name.localeCompare(b.name);
    expect(asked.sort(byName)).toEqual(
      table.map(({ name, pods, memory }) => ({ name, pods, memory })).sort(byName),
    );
    for (const { resources } of running.flatMap(containersOf)) {
      expect(resources.limits.memory).toBe(resources.requests.memory);
    }
  });

  it("have probes where there is something to ask", () => {
    const without = running.filter((each) =>
      each.pod.containers.some((c) => !c.livenessProbe || !c.readinessProbe),
    );
    expect(without.map(({ name }) => name)).toEqual(["local-path-provisioner"]);
  });

  it("have a priority, an account of their own, and a budget where there is more than one", () => {
    const budgets = ofKind("PodDisruptionBudget").map(({ metadata }) => metadata.name);
    for (const { name, namespace, kind, replicas, pod } of running) {
      const isData = namespace === NAMESPACES.postgres.name;
      expect(pod.priorityClassName, name).toBe(isData ? "gardenos-data" : "gardenos-platform");
      expect(pod.serviceAccountName, name).toBe(name);
      expect(budgets.includes(name), name).toBe(kind === "DaemonSet" || (replicas ?? 1) > 1);
    }
  });
});

describe("rights", () => {
  it("have no wildcard", () => {
    const roles = [...ofKind("ClusterRole"), ...ofKind("Role")];
    expect(roles.length).toBeGreaterThan(4);
    expect(JSON.stringify(roles)).not.toContain('"*"');
  });

  it("reach Secrets in namespaces with Ingresses only", () => {
    const readers = [...ofKind("ClusterRole"), ...ofKind("Role")].filter((role) =>
      JSON.stringify(role).includes('"secrets"'),
    );
    expect(readers.map(({ kind, metadata }) => `${kind} ${metadata.namespace}`)).toEqual(["Role apps"]);
  });
});

describe("namespaces", () => {
  it("are exempt from level restricted by name and with a reason, at most five of them", () => {
    const all: readonly NamespacePlan[] = Object.values(NAMESPACES);
    const exempt = all.filter(({ podSecurity }) => podSecurity !== "restricted");
    expect(exempt.length).toBeLessThanOrEqual(5);
    for (const { name, exemptBecause } of exempt) expect(exemptBecause, name).toMatch(/\w+/);
    for (const space of all) expect(Boolean(space.exemptBecause)).toBe(exempt.includes(space));
  });

  it("hold every namespaced object, but for the binding that aggregated APIs need in kube-system", () => {
    const known = spaces.map(({ name }) => name);
    const elsewhere = OBJECTS.filter(
      ({ metadata }) => metadata.namespace !== undefined && !known.includes(metadata.namespace),
    );
    expect(elsewhere.map(({ metadata }) => `${metadata.namespace}/${metadata.name}`)).toEqual([
      "kube-system/metrics-server-auth-reader",
    ]);
  });

  it("are closed both ways", () => {
    const denied = ofKind("NetworkPolicy").filter(({ metadata }) => metadata.name === "default-deny");
    expect(denied.map(({ metadata }) => metadata.namespace).sort()).toEqual(
      spaces.map(({ name }) => name).sort(),
    );
    for (const object of denied) {
      expect(object).toMatchObject({ spec: { podSelector: {}, policyTypes: ["Ingress", "Egress"] } });
      expect(JSON.stringify(object)).not.toMatch(/"(ingress|egress)":/);
    }
  });
});

describe("policies", () => {
  interface Peer {
    readonly ipBlock?: { readonly cidr: string };
  }
  interface Rule {
    readonly to?: readonly Peer[];
    readonly ports?: readonly { readonly port: number }[];
  }
  const egress = ofKind("NetworkPolicy").flatMap((object) => {
    const { spec } = object as unknown as { spec: { podSelector: object; egress?: readonly Rule[] } };
    return (spec.egress ?? []).map((rule) => ({ rule, everyPod: JSON.stringify(spec.podSelector) === "{}" }));
  });

  it("let every pod ask the cluster's DNS, and go nowhere else", () => {
    const open = egress.filter(({ everyPod }) => everyPod);
    expect(open).toHaveLength(spaces.length);
    for (const { rule } of open) {
      expect(rule.ports?.map(({ port }) => port)).toEqual([53, 53]);
      expect(JSON.stringify(rule.to)).toContain('"k8s-app":"kube-dns"');
    }
  });

  it("name a destination in every rule, and no address but nodes' API, kubelet and etcd", () => {
    for (const { rule } of egress) {
      expect(rule.to?.length).toBeGreaterThan(0);
      for (const { ipBlock } of (rule.to ?? []).filter((peer) => peer.ipBlock)) {
        expect(ipBlock?.cidr).toMatch(/^10\.0\.1\.1[123]\/32$/);
        expect(contains(ipBlock?.cidr ?? "", METADATA_ADDRESS)).toBe(false);
        expect([2379, 6445, 10250]).toContain(rule.ports?.[0]?.port);
      }
    }
  });
});
