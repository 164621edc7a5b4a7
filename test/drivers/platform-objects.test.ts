/** The platform's objects, judged by a real API server: no unknown field, no bad value, no refusal by Pod Security. */
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { stringify } from "yaml";
import { HELPER_POD, OBJECTS } from "../support/platform.ts";
import { type KubeApi, k3sBinary, startKubeApi } from "./support/kube-api.ts";

const binary = k3sBinary();
const unlessBuilt = binary === undefined ? " (skipped: needs GARDENOS_TEST_K3S, the lab's k3s binary)" : "";

interface Pod {
  readonly spec: object;
}

const pods = OBJECTS.flatMap((object) => {
  if (object.kind !== "DaemonSet" && object.kind !== "Deployment") return [];
  const { spec } = (object as unknown as { spec: { template: Pod } }).spec.template;
  return [{ name: object.metadata.name, namespace: object.metadata.namespace ?? "", spec }];
});

describe.skipIf(binary === undefined)(`objects of the platform${unlessBuilt}`, () => {
  let api: KubeApi;
  let folder = "";
  beforeAll(async () => {
    folder = mkdtempSync(join(tmpdir(), "gardenos-platform-"));
    api = await startKubeApi(binary ?? "");
    apply(OBJECTS);
  }, 180_000);
  afterAll(async () => {
    await api?.remove();
    rmSync(folder, { recursive: true });
  });

  const file = (objects: readonly object[]): string => {
    const path = join(folder, "objects.yaml");
    const text = objects.map((each) => stringify(each, { aliasDuplicateObjects: false }));
    writeFileSync(path, text.join("---\n"));
    return `--filename=${path}`;
  };
  const apply = (objects: readonly object[], ...flags: readonly string[]) =>
    api.kubectl("apply", "--server-side", "--validate=strict", ...flags, file(objects));
  const tryPod = (name: string, namespace: string, spec: object) =>
    apply([{ apiVersion: "v1", kind: "Pod", metadata: { name, namespace }, spec }], "--dry-run=server");

  it("are taken, and a second time change nothing", () => {
    const version = () =>
      api.kubectl("get", "daemonset", "traefik", "--namespace=gardenos-ingress", "--output=yaml");
    const before = version();
    expect(apply(OBJECTS).trim().split("\n")).toHaveLength(OBJECTS.length);
    expect(version()).toBe(before);
  });

  it("start pods that their namespaces admit", () => {
    for (const { name, namespace, spec } of pods) {
      expect(tryPod(name, namespace, spec)).toContain(`pod/${name}`);
    }
    expect(tryPod("helper", "gardenos-storage", (HELPER_POD as Pod).spec)).toContain("pod/helper");
  });

  it("keep host ports and directories of nodes out of a restricted namespace", () => {
    const traefik = pods.find(({ name }) => name === "traefik");
    expect(() => tryPod("traefik", "apps", traefik?.spec ?? {})).toThrow(/violates PodSecurity.*hostPort/);
    const volumes = [{ name: "host", hostPath: { path: "/" } }];
    expect(() => tryPod("helper", "apps", { ...(HELPER_POD as Pod).spec, volumes })).toThrow(/hostPath/);
  });

  it("give Traefik the Secrets of namespaces with Ingresses, and administrators everything", () => {
    const may = (...question: readonly string[]): string => {
      try {
        return api.kubectl("auth", "can-i", ...question).trim();
      } catch (refusal) {
        return String((refusal as { stdout?: unknown }).stdout).trim();
      }
    };
    const traefik = "--as=system:serviceaccount:gardenos-ingress:traefik";
    expect(may("list", "secrets", "--namespace=apps", traefik)).toBe("yes");
    expect(may("list", "secrets", "--namespace=kube-system", traefik)).toBe("no");
    expect(may("list", "secrets", "--namespace=gardenos-system", traefik)).toBe("no");
    expect(may("delete", "nodes", "--as=somebody", "--as-group=gardenos:admins")).toBe("yes");
    expect(may("delete", "nodes", "--as=somebody")).toBe("no");
  });
});
