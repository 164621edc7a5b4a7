/** What the driver decides without a cluster: checks, comparison, replacement, and how it calls kubectl. */
import { chmodSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { createKubernetesDriver } from "../../lab/drivers/kubernetes/index.ts";
import { KubectlError, kubectlCommand } from "../../lab/drivers/kubernetes/kubectl.ts";
import { observedInputs } from "../../lab/drivers/kubernetes/values.ts";
import type { Properties } from "../../lab/engine/driver.ts";
import { contextFor } from "./support/context.ts";

const driver = createKubernetesDriver({
  ...{ retryMs: 1, retryCapMs: 5, patienceMs: 5_000, readPatienceMs: 100, unknownPatienceMs: 100 },
});
const TYPE = "kubernetes:core/v1:ConfigMap";
const object = (kind: string, rest: Properties, apiVersion = "v1"): Properties => ({
  ...{ apiVersion, kind, metadata: { name: "a", namespace: "n" } },
  ...rest,
});

describe("check", () => {
  const reasons = (type: string, inputs: Properties) =>
    driver.check?.(type, inputs).failures.map(({ property, reason }) => `${property}: ${reason}`);

  it("wants a name, plain objects and no made-up names", () => {
    expect(reasons(TYPE, object("ConfigMap", {}))).toEqual([]);
    expect(reasons(TYPE, { apiVersion: "v1", kind: "ConfigMap" })).toEqual([
      "metadata.name: there is none, and the lab's driver makes no names up: give one",
    ]);
    expect(reasons(TYPE, object("ConfigMap", { metadata: { generateName: "a-" } }))?.join()).toContain(
      "generateName",
    );
    for (const type of [
      "kubernetes:core/v1:ConfigMapPatch",
      "kubernetes:helm.sh/v3:Release",
      "kubernetes:yaml:ConfigFile",
    ])
      expect(reasons(type, object("ConfigMap", {}))?.join()).toContain("plain objects only");
  });

  it("turns a Secret's texts into data, which wins over what data says", () => {
    const inputs = object("Secret", { stringData: { a: "x" }, data: { a: "old", b: "b2xk" } });
    expect(driver.check?.(TYPE, inputs).inputs).toEqual(object("Secret", { data: { a: "eA==", b: "b2xk" } }));
    expect(driver.secretInputs?.("kubernetes:core/v1:Secret")).toEqual(["data", "stringData"]);
  });
});

describe("diff", () => {
  const diff = (old: Properties, news: Properties, provider: Properties = {}) => {
    const { changed = [], replace = [] } =
      driver.diff?.(TYPE, { inputs: old, outputs: {} }, news, provider) ?? {};
    return { changed, replace };
  };
  const job = (image: string, cpu: unknown) =>
    object(
      "Job",
      {
        spec: {
          backoffLimit: 1,
          template: { spec: { containers: [{ image, resources: { limits: { cpu } } }] } },
        },
      },
      "batch/v1",
    );

  it("takes quantities for what they are worth, and other texts by the letter", () => {
    const limit = (cpu: unknown) => object("Pod", { spec: { resources: { limits: { cpu } } } });
    expect(diff(limit("1000m"), limit(1))).toEqual({ changed: [], replace: [] });
    expect(diff(limit("1Gi"), limit("1024Mi"))).toEqual({ changed: [], replace: [] });
    expect(diff(limit("1G"), limit("1Gi")).changed).toEqual(["spec"]);
    const data = (limits: string) => object("ConfigMap", { data: { limits } });
    expect(diff(data("1000m"), data("1"), { enableConfigMapMutable: "true" })).toEqual({
      changed: ["data"],
      replace: [],
    });
  });

  it("replaces for another identity, in place where the name stays", () => {
    const moved = { ...object("ConfigMap", {}), metadata: { name: "a", namespace: "m" } };
    expect(diff(object("ConfigMap", {}), moved)).toEqual({
      changed: ["metadata"],
      replace: ["metadata.namespace"],
    });
    const unnamed = (namespace?: string) => ({
      ...object("ConfigMap", {}),
      metadata: { name: "a", ...(namespace && { namespace }) },
    });
    expect(diff(unnamed(), unnamed("default")).replace).toEqual([]);
    const old = { inputs: object("ConfigMap", {}), outputs: {} };
    expect(driver.diff?.(TYPE, old, moved)?.deleteBeforeReplace).toBe(false);
    expect(driver.diff?.(TYPE, { inputs: job("a", 1), outputs: {} }, job("b", 1))?.deleteBeforeReplace).toBe(
      true,
    );
  });

  it.each([
    ["a Job's template", job("a", 1), job("b", 1), ["spec.template"]],
    ["nothing but a quantity written otherwise", job("a", "500m"), job("a", 0.5), []],
    [
      "a StatefulSet's claims",
      object("StatefulSet", { spec: { replicas: 1, volumeClaimTemplates: [] } }, "apps/v1"),
      object(
        "StatefulSet",
        { spec: { replicas: 2, volumeClaimTemplates: [{ metadata: { name: "d" } }] } },
        "apps/v1",
      ),
      ["spec.volumeClaimTemplates"],
    ],
    [
      "a binding's role",
      object("RoleBinding", { roleRef: { name: "a" } }, "rbac.authorization.k8s.io/v1"),
      object("RoleBinding", { roleRef: { name: "b" } }, "rbac.authorization.k8s.io/v1"),
      ["roleRef"],
    ],
    ["a Secret's type", object("Secret", { type: "a" }), object("Secret", { type: "b" }), ["type"]],
    [
      "a StorageClass' binding",
      object("StorageClass", { volumeBindingMode: "Immediate" }, "storage.k8s.io/v1"),
      object("StorageClass", { volumeBindingMode: "WaitForFirstConsumer" }, "storage.k8s.io/v1"),
      ["volumeBindingMode"],
    ],
    [
      "no Deployment's replicas",
      object("Deployment", { spec: { replicas: 1 } }, "apps/v1"),
      object("Deployment", { spec: { replicas: 2 } }, "apps/v1"),
      [],
    ],
  ])("replaces for %s", (_what, old, news, replace) => {
    expect(diff(old, news).replace).toEqual(replace);
  });

  it("replaces data as the provider's settings say, and never changes what is immutable", () => {
    const map = (a: string, more: Properties = {}) => object("ConfigMap", { data: { a }, ...more });
    expect(diff(map("1"), map("2")).replace).toEqual(["data"]);
    expect(diff(map("1"), map("2"), { enableConfigMapMutable: "true" }).replace).toEqual([]);
    const frozen = { immutable: true };
    expect(diff(map("1", frozen), map("2", frozen), { enableConfigMapMutable: "true" }).replace).toEqual([
      "data",
    ]);
  });
});

describe("what of a live object is ours", () => {
  const list = (name: string, items: readonly unknown[]) => ({ spec: { [name]: items } });

  it("follows changes and removals, and leaves out what others have added", () => {
    const ours = { metadata: { name: "a", labels: { x: "1", y: "2" } }, spec: { size: 1 } };
    const live = {
      metadata: { name: "a", labels: { x: "3", z: "4" }, uid: "u" },
      spec: { size: 1, more: 2 },
      status: {},
    };
    expect(observedInputs(ours, live)).toEqual({
      metadata: { name: "a", labels: { x: "3" } },
      spec: { size: 1 },
    });
  });

  it("sees no removal in what the API leaves out", () => {
    const ours = { spec: { hostNetwork: false, volumes: [], affinity: {}, count: 0 } };
    expect(observedInputs(ours, { spec: {} })).toEqual(ours);
  });

  it("lets others add containers and ports, and no subjects and rules", () => {
    const [own, other] = [{ name: "own" }, { name: "other" }];
    expect(observedInputs(list("containers", [own]), list("containers", [other, own]))).toEqual(
      list("containers", [own]),
    );
    expect(observedInputs(list("subjects", [own]), list("subjects", [own, other]))).toEqual(
      list("subjects", [own, other]),
    );
    const [http, https] = [{ port: 80 }, { port: 443, protocol: "TCP" }];
    expect(
      observedInputs(list("ports", [http]), list("ports", [https, { ...http, protocol: "TCP" }])),
    ).toEqual(list("ports", [http]));
    const rule = (ports: readonly unknown[]) => ({ spec: { ingress: [{ ports }] } });
    expect(observedInputs(rule([http]), rule([http, https]))).toEqual(rule([http, https]));
  });
});

describe("kubectl", () => {
  let folder: string;
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), "gardenos-kubectl-test-"));
  });
  afterEach(() => {
    delete process.env["GARDENOS_KUBECTL"];
    rmSync(folder, { recursive: true });
  });
  const kubeconfig = "apiVersion: v1\nclusters: []\n# hidden-in-the-kubeconfig\n";
  const stub = (script: string): void => {
    const file = join(folder, "kubectl");
    writeFileSync(file, `#!/bin/sh\nset -eu\ncd ${folder}\n${script}\n`);
    chmodSync(file, 0o755);
    process.env["GARDENOS_KUBECTL"] = JSON.stringify([file, "kubectl"]);
  };
  const answer = JSON.stringify(object("ConfigMap", {}));

  it("is found by a variable or on the PATH", () => {
    expect(kubectlCommand({})).toEqual(["kubectl"]);
    expect(kubectlCommand({ GARDENOS_KUBECTL: "/opt/kubectl" })).toEqual(["/opt/kubectl"]);
    expect(kubectlCommand({ GARDENOS_KUBECTL: '["/opt/k3s","kubectl"]' })).toEqual(["/opt/k3s", "kubectl"]);
    expect(() => kubectlCommand({ GARDENOS_KUBECTL: "[1]" })).toThrow(
      "GARDENOS_KUBECTL: got [1], want a path",
    );
  });

  it("gets kubeconfig and objects on descriptors, and leaves nothing behind", async () => {
    const before = readdirSync(tmpdir());
    stub(`echo "$@" >> args; cat /dev/fd/3 /dev/fd/3 > config; ls -lL /proc/self/fd/3 | cut -c1-10 > mode
      cat > stdin; case "$*" in *" get "*) ;; *) echo '${answer}';; esac`);
    const ctx = contextFor(TYPE, { kubeconfig, context: "lab", enableServerSideApply: "true" });
    const inputs = object("ConfigMap", { data: { key: "hidden-in-the-object" } });
    expect(await driver.create(ctx, inputs)).toMatchObject({ id: "n/a" });
    const text = (name: string): string => readFileSync(join(folder, name), "utf8");
    expect(text("config")).toBe(kubeconfig + kubeconfig);
    expect(text("mode").trim()).toBe("-rw-------");
    const lines = text("args").trim().split("\n");
    expect(lines[1]).toMatch(
      /^kubectl --kubeconfig=\/dev\/fd\/3 .*--context=lab .*apply --server-side --field-manager=pulumi-kubernetes-\w{8} /,
    );
    expect(lines[1]).not.toContain("force");
    expect(lines.join()).not.toContain("hidden");
    expect(readdirSync(tmpdir()).filter((name) => !before.includes(name) && !name.includes("test"))).toEqual(
      [],
    );
  });

  it("is repeated while nothing answers, and its own refusals are not", async () => {
    stub(`echo x >> tries; if [ "$(wc -l < tries)" -lt 3 ]; then
      echo 'The connection to the server 10.0.1.5:6443 was refused - did you specify the right host or port?' >&2; exit 1; fi
      echo 'Warning: old' >&2; echo '${answer}'`);
    const ctx = contextFor(TYPE, { kubeconfig, upsertExistingObjects: "true" });
    await driver.create(ctx, object("ConfigMap", {}));
    expect(ctx.lines.filter((line) => line.startsWith("trying again"))).toHaveLength(1);
    expect(ctx.lines).toContain("warning: old");
    stub(`echo 'Error from server (Forbidden): no' >&2; exit 1`);
    await expect(driver.create(ctx, object("ConfigMap", {}))).rejects.toThrow(
      "Error from server (Forbidden): no",
    );
  });

  it("reads many objects with one call", async () => {
    const items = ["a", "b"].map((name) => ({
      ...object("ConfigMap", {}),
      metadata: { name, namespace: "n" },
    }));
    stub(`echo x >> calls; cat > /dev/null; echo '${JSON.stringify({ kind: "List", items })}'`);
    const ctx = contextFor(TYPE, { kubeconfig });
    const ids = ["n/a", "n/b", "n/c"];
    const found = await Promise.all(
      ids.map((id) => driver.read?.(ctx, { id, inputs: object("ConfigMap", {}), outputs: {} })),
    );
    expect(found.map((one) => one?.id)).toEqual(["n/a", "n/b", undefined]);
    expect(readdirSync(folder)).toContain("calls");
    expect(readFileSync(join(folder, "calls"), "utf8")).toBe("x\n");
  });

  it("wants a provider that it understands", async () => {
    const attempt = (provider: Properties) =>
      driver.create(contextFor(TYPE, provider), object("ConfigMap", {}));
    await expect(attempt({})).rejects.toThrow("no kubeconfig: give the resource an explicit provider");
    await expect(attempt({ kubeconfig: "/root/.kube/config" })).rejects.toThrow(
      "kubeconfig: got a path, want the content",
    );
    await expect(attempt({ kubeconfig, renderYamlToDirectory: "x" })).rejects.toThrow(
      "renderYamlToDirectory: the lab's driver does not support it",
    );
    await expect(attempt({ kubeconfig, enableServerSideApply: "false" })).rejects.toThrow(
      "enableServerSideApply",
    );
  });

  it.each([
    ["unreachable", "Unable to connect to the server: dial tcp 10.0.1.5:6443: i/o timeout"],
    ["busy", 'Internal error occurred: failed calling webhook "x": connect: connection refused'],
    [
      "unknown",
      'error: resource mapping not found for name: "a": no matches for kind "Thing" in version "x/v1"',
    ],
    ["unknown", 'Error from server (NotFound): namespaces "n" not found'],
    ["stranger", "error: You must be logged in to the server (Unauthorized)"],
    ["refused", 'Error from server (Conflict): Apply failed with 1 conflict: conflict with "kubectl-edit"'],
    [
      "stranger",
      "Unable to connect to the server: tls: failed to verify certificate: x509: unknown authority",
    ],
  ])("a failure is %s: %s", (reason, stderr) => {
    expect(new KubectlError(stderr).reason).toBe(reason);
  });
});
