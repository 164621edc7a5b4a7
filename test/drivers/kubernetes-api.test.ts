/** The driver against a real API server: what it applies, waits for, follows, and deletes. */
import { afterAll, beforeAll, beforeEach, describe, expect, it, onTestFinished } from "vitest";
import { createKubernetesDriver } from "../../lab/drivers/kubernetes/index.ts";
import type { Existing, Properties } from "../../lab/engine/driver.ts";
import { contextFor, type TestContext } from "./support/context.ts";
import { type KubeApi, k3sBinary, startKubeApi } from "./support/kube-api.ts";

const binary = k3sBinary();
const unlessBuilt = binary === undefined ? " (skipped: needs GARDENOS_TEST_K3S, the lab's k3s binary)" : "";

const driver = createKubernetesDriver({
  retryMs: 50,
  retryCapMs: 500,
  patienceMs: 30_000,
  readPatienceMs: 500,
  unknownPatienceMs: 10_000,
});

/** A busy machine starts a kubectl slowly. */
const SOON = { timeout: 30_000 };

type Made = Existing & { readonly inputs: Properties };

describe.skipIf(binary === undefined)(`objects of a real API server${unlessBuilt}`, () => {
  let api: KubeApi;
  let count = 0;
  let namespace = "";
  beforeAll(async () => {
    process.env["GARDENOS_KUBECTL"] = JSON.stringify([binary, "kubectl"]);
    api = await startKubeApi(binary ?? "");
  }, 180_000);
  afterAll(async () => {
    delete process.env["GARDENOS_KUBECTL"];
    await api?.remove();
  });
  beforeEach(() => {
    count += 1;
    namespace = `test-${count}`;
    api.kubectl("create", "namespace", namespace);
  });

  const context = (provider: Properties = {}, name = "thing"): TestContext => {
    const type = "kubernetes:core/v1:ConfigMap";
    const ctx = contextFor(type, { kubeconfig: api.kubeconfig, enableServerSideApply: "true", ...provider });
    return { ...ctx, name, urn: `urn:pulumi:lab::gardenos::${type}::${name}` };
  };
  const create = async (inputs: Properties, ctx = context()): Promise<Made> => {
    const checked = driver.check?.("kubernetes:core/v1:Thing", inputs);
    expect(checked?.failures).toEqual([]);
    const all = checked?.inputs ?? inputs;
    return { ...(await driver.create(ctx, all)), inputs: all };
  };
  const read = (old: Made, ctx = context()) => driver.read?.(ctx, old);
  const metadata = (name: string, more: Properties = {}) => ({ name, namespace, ...more });
  const configMap = (data: Properties, more: Properties = {}): Properties => ({
    apiVersion: "v1",
    kind: "ConfigMap",
    metadata: metadata("settings", more),
    data,
  });
  const deployment = (annotations: Properties = {}): Properties => ({
    apiVersion: "apps/v1",
    kind: "Deployment",
    metadata: metadata("web", { annotations }),
    spec: {
      replicas: 1,
      selector: { matchLabels: { app: "web" } },
      template: {
        metadata: { labels: { app: "web" } },
        spec: {
          hostNetwork: false,
          containers: [
            {
              name: "web",
              image: "docker.io/library/web:1",
              ports: [{ containerPort: 80 }],
              resources: { requests: { cpu: "1000m", memory: "1024Mi" }, limits: { cpu: 2 } },
              env: [{ name: "MODE", value: "1000m" }],
            },
          ],
          volumes: [{ name: "empty", emptyDir: {} }],
        },
      },
    },
  });
  const background = { "pulumi.com/deletionPropagationPolicy": "background" };
  /** Takes the finalizers away, as the controllers that are not there would. */
  const release = (resource: string, name: string): void => {
    api.kubectl(
      ...["patch", resource, name, `--namespace=${namespace}`, "--type=merge"],
      '--patch={"metadata":{"finalizers":null}}',
    );
  };
  const skipAwait = { "pulumi.com/skipAwait": "true" };
  /** Calls in the background until the object exists. */
  const whenThere = async (resource: string, act: () => void): Promise<void> => {
    await expect
      .poll(() => api.kubectl("get", resource, `--namespace=${namespace}`, "--output=name"), SOON)
      .not.toBe("");
    act();
  };
  const status = (resource: string, name: string, value: unknown): void => {
    api.kubectl(
      ...["patch", resource, name, `--namespace=${namespace}`, "--subresource=status", "--type=merge"],
      `--patch=${JSON.stringify({ status: value })}`,
    );
  };

  it("creates, updates and deletes, and answers the live object", async () => {
    const made = await create(configMap({ mode: "fast", old: "1" }, { annotations: background }));
    expect(made.id).toBe(`${namespace}/settings`);
    expect(made.outputs).toMatchObject({ kind: "ConfigMap", data: { mode: "fast", old: "1" } });
    expect(made.outputs["metadata"]).toMatchObject({ uid: expect.any(String), namespace });
    expect(made.outputs["metadata"]).not.toHaveProperty("managedFields");
    const news = configMap({ mode: "slow" }, { annotations: background });
    const outputs = await driver.update?.(context(), made, news);
    expect(outputs?.["data"]).toEqual({ mode: "slow" });
    await driver.delete?.(context(), { ...made, inputs: news });
    await driver.delete?.(context(), { ...made, inputs: news });
    expect(await read(made)).toBeUndefined();
  });

  it("waits for the garbage collector to take what belongs to an object", async () => {
    const made = await create(configMap({}));
    const removal = driver.delete?.(context(), made);
    await expect
      .poll(
        () => api.kubectl("get", "configmap", "settings", `--namespace=${namespace}`, "--output=yaml"),
        SOON,
      )
      .toContain("foregroundDeletion");
    release("configmap", "settings");
    await removal;
    expect(await read(made)).toBeUndefined();
  });

  it("records a Secret's texts as data", async () => {
    const made = await create({
      apiVersion: "v1",
      kind: "Secret",
      metadata: metadata("key"),
      stringData: { password: "correct horse" },
      data: { other: "b3RoZXI=" },
    });
    const data = { other: "b3RoZXI=", password: Buffer.from("correct horse").toString("base64") };
    expect(made.inputs).toMatchObject({ data });
    expect(made.inputs).not.toHaveProperty("stringData");
    expect(made.outputs["data"]).toEqual(data);
    expect((await read(made))?.inputs).toEqual(made.inputs);
  });

  it("does not take over what others have made, unless the provider says so", async () => {
    api.kubectl("create", "configmap", "settings", `--namespace=${namespace}`, "--from-literal=mode=theirs");
    await expect(create(configMap({ more: "1" }))).rejects.toThrow(
      /ConfigMap .*\/settings exists already, made by kubectl/,
    );
    expect(await driver.find?.(context(), configMap({ more: "1" }))).toBeUndefined();
    const ctx = context({ upsertExistingObjects: "true" });
    expect((await create(configMap({ more: "1" }), ctx)).outputs["data"]).toEqual({
      mode: "theirs",
      more: "1",
    });
  });

  it("adopts its own interrupted create, which is then finished by an update", async () => {
    await create(configMap({ mode: "fast" }));
    const found = await driver.find?.(context(), configMap({ mode: "fast" }));
    expect(found?.id).toBe(`${namespace}/settings`);
    const inputs = configMap({ mode: "fast" });
    const diff = driver.diff?.("t", { inputs, outputs: found?.outputs ?? {} }, inputs);
    expect(diff).toMatchObject({
      changed: ["status"],
      replace: [],
      note: expect.stringContaining("interrupted"),
    });
    const outputs =
      (await driver.update?.(context(), { id: "", outputs: {}, ...found, inputs }, inputs)) ?? {};
    expect(driver.diff?.("t", { inputs, outputs }, inputs).changed).toEqual([]);
    expect(await driver.find?.(context({}, "other"), inputs)).toBeUndefined();
    await expect(create(inputs, context({}, "other"))).rejects.toThrow("give a renamed resource an alias");
  });

  it("finds no drift in what the API writes differently or adds, and finds what somebody changed", async () => {
    const made = await create(deployment(skipAwait));
    expect((await read(made))?.inputs).toEqual(made.inputs);
    api.kubectl("set", "image", "deployment/web", "web=docker.io/library/web:2", `--namespace=${namespace}`);
    api.kubectl("annotate", "deployment/web", "theirs=1", `--namespace=${namespace}`);
    api.kubectl("set", "env", "deployment/web", "EXTRA=1", "MODE=1", `--namespace=${namespace}`);
    const drifted = (await read(made))?.inputs ?? {};
    const [container] = JSON.parse(JSON.stringify(drifted)).spec.template.spec.containers;
    expect(container).toMatchObject({
      image: "docker.io/library/web:2",
      env: [{ name: "MODE", value: "1" }],
    });
    expect(container.resources).toEqual({ requests: { cpu: "1000m", memory: "1024Mi" }, limits: { cpu: 2 } });
    expect(drifted["metadata"]).toEqual(made.inputs["metadata"]);
    expect(driver.diff?.("t", { ...made, inputs: drifted }, made.inputs)).toMatchObject({
      changed: ["spec"],
      replace: [],
    });
    const current = { ...made, inputs: drifted };
    await expect(driver.update?.(context(), current, made.inputs)).rejects.toThrow(/conflict/i);
    const forced = context({ enablePatchForce: "true" });
    await driver.update?.(forced, current, made.inputs);
    expect((await read(made))?.inputs).toEqual(made.inputs);
  });

  it("follows a rollout, and says why one does not come to its end", async () => {
    const ctx = context();
    const creating = create(deployment(), ctx);
    await whenThere("deployments", () =>
      status("deployment", "web", {
        observedGeneration: 1,
        ...{ replicas: 1, updatedReplicas: 1, readyReplicas: 1, availableReplicas: 1 },
        conditions: [{ type: "Available", status: "True", reason: "Enough" }],
      }),
    );
    expect((await creating).outputs["status"]).toMatchObject({ availableReplicas: 1 });
    expect(ctx.lines.join("\n")).toContain("successfully rolled out");
  });

  it("names the pod's trouble and the last event when the time is up", async () => {
    const pod = {
      apiVersion: "v1",
      kind: "Pod",
      metadata: metadata("web-1", { labels: { app: "web" }, annotations: skipAwait }),
      spec: { containers: [{ name: "web", image: "web" }] },
    };
    await create(pod, context({}, "pod"));
    status("pod", "web-1", {
      phase: "Pending",
      containerStatuses: [
        {
          ...{ name: "web", ready: false, restartCount: 0, image: "web", imageID: "" },
          state: { waiting: { reason: "ImagePullBackOff", message: "no such image" } },
        },
      ],
    });
    await create(
      {
        apiVersion: "v1",
        kind: "Event",
        metadata: metadata("web-1.1"),
        involvedObject: { apiVersion: "v1", kind: "Pod", name: "web-1", namespace },
        ...{
          type: "Warning",
          reason: "Failed",
          message: "pull was denied",
          lastTimestamp: "2026-01-01T00:00:00Z",
        },
      },
      context({}, "event"),
    );
    const failure = create(deployment({ "pulumi.com/timeoutSeconds": "2" }), context());
    await expect(failure).rejects.toThrow(
      new RegExp(
        `Deployment ${namespace}/web: not ready after 2 s\n  pod web-1: container web: ImagePullBackOff: no such image\n  event of Pod web-1: Failed: pull was denied`,
      ),
    );
  });

  it("fails at once with a Job that fails, and takes customTimeouts for its limit", async () => {
    const job: Properties = {
      apiVersion: "batch/v1",
      kind: "Job",
      metadata: metadata("once"),
      spec: { template: { spec: { restartPolicy: "Never", containers: [{ name: "a", image: "a" }] } } },
    };
    const creating = create(job);
    creating.catch(() => undefined);
    await whenThere("jobs", () =>
      status("job", "once", {
        startTime: "2026-01-01T00:00:00Z",
        ...{ failed: 1, uncountedTerminatedPods: {} },
        conditions: ["FailureTarget", "Failed"].map((type) => ({
          ...{ type, status: "True", reason: "BackoffLimitExceeded", message: "too many tries" },
          lastTransitionTime: "2026-01-01T00:00:00Z",
        })),
      }),
    );
    await expect(creating).rejects.toThrow(
      /Job .*\/once: failed\n(.*\n)*\s+Failed: BackoffLimitExceeded: too many tries/,
    );
    const late = { ...context({}, "late"), timeoutMs: 1500 };
    const second = create({ ...job, metadata: metadata("late") }, late);
    await expect(second).rejects.toThrow(/not ready after 2 s\n\s+it has no pods/);
  });

  it("waits for a Service's endpoints, an Ingress' address and a claim's volume, where there is something to wait for", async () => {
    const service = (name: string, spec: Properties): Properties => ({
      ...{ apiVersion: "v1", kind: "Service", metadata: metadata(name) },
      spec: { ports: [{ port: 80 }], ...spec },
    });
    await create(service("headless", { clusterIP: "None", selector: { app: "x" } }), context({}, "headless"));
    await create(service("manual", {}), context({}, "manual"));
    const creating = create(service("web", { selector: { app: "web" } }));
    await whenThere("service/web", () => {
      const slice = {
        apiVersion: "discovery.k8s.io/v1",
        kind: "EndpointSlice",
        metadata: metadata("web-1", { labels: { "kubernetes.io/service-name": "web" } }),
        addressType: "IPv4",
        endpoints: [{ addresses: ["10.42.0.9"], conditions: { ready: true } }],
      };
      void create(slice, context({}, "slice"));
    });
    await creating;
    const ingress = {
      ...{ apiVersion: "networking.k8s.io/v1", kind: "Ingress", metadata: metadata("web") },
      spec: { defaultBackend: { service: { name: "web", port: { number: 80 } } } },
    };
    const addressed = create(ingress, context({}, "ingress"));
    await whenThere("ingresses", () =>
      status("ingress", "web", { loadBalancer: { ingress: [{ ip: "192.0.2.9" }] } }),
    );
    expect((await addressed).outputs["status"]).toEqual({ loadBalancer: { ingress: [{ ip: "192.0.2.9" }] } });
    const storage = {
      ...{ apiVersion: "storage.k8s.io/v1", kind: "StorageClass", metadata: { name: `late-${count}` } },
      ...{ provisioner: "example.com/none", volumeBindingMode: "WaitForFirstConsumer" },
    };
    expect((await create(storage, context({}, "class"))).id).toBe(`late-${count}`);
    const claim = (name: string, storageClassName: string): Properties => ({
      ...{ apiVersion: "v1", kind: "PersistentVolumeClaim", metadata: metadata(name) },
      spec: { accessModes: ["ReadWriteOnce"], storageClassName, resources: { requests: { storage: "1Gi" } } },
    });
    await create(claim("late", `late-${count}`), context({}, "claim"));
    const bound = create(claim("now", "static"), context({}, "bound"));
    await whenThere("persistentvolumeclaim/now", () =>
      status("persistentvolumeclaim", "now", { phase: "Bound" }),
    );
    await bound;
  });

  it("makes a kind known and its objects at the same time", async () => {
    const group = `things-${count}.example.com`;
    const crd = create(
      {
        apiVersion: "apiextensions.k8s.io/v1",
        kind: "CustomResourceDefinition",
        metadata: { name: `things.${group}` },
        spec: {
          ...{ group, scope: "Namespaced", names: { kind: "Thing", plural: "things", singular: "thing" } },
          versions: [
            {
              ...{ name: "v1", served: true, storage: true },
              schema: { openAPIV3Schema: { type: "object", x_kubernetes_preserve_unknown_fields: true } },
            },
          ],
        },
      },
      context({}, "crd"),
    );
    const thing = { apiVersion: `${group}/v1`, kind: "Thing", metadata: metadata("one"), spec: { size: 3 } };
    const [kind, made] = await Promise.all([crd, create(thing)]);
    expect(JSON.stringify(kind.outputs["spec"])).toContain("x_kubernetes_preserve_unknown_fields");
    expect(made.outputs["spec"]).toEqual({ size: 3 });
    expect((await read(kind))?.inputs).toEqual(kind.inputs);
    await driver.delete?.(context({}, "crd"), kind);
    expect(await read(made)).toBeUndefined();
    await driver.delete?.(context(), made);
  });

  it("refuses fields that the API does not know, and hands on its warnings", async () => {
    const wrong = { ...configMap({ a: "1" }), sepc: {} };
    await expect(create(wrong)).rejects.toThrow(/sepc/);
    const ctx = context();
    const unsafe = deployment(skipAwait);
    api.kubectl("label", "namespace", namespace, "pod-security.kubernetes.io/warn=restricted");
    await create(unsafe, ctx);
    expect(ctx.lines.join("\n")).toMatch(/warning: would violate PodSecurity "restricted/);
  });

  it("says which finalizer keeps an object from going", async () => {
    const made = await create(configMap({}, { finalizers: ["example.com/hold"] }));
    const removal = driver.delete?.({ ...context(), timeoutMs: 1500 }, made);
    await expect(removal).rejects.toThrow(
      /is not gone after 2 s: it waits for its finalizers .*example.com\/hold/,
    );
    release("configmap", "settings");
  });

  it("sits out an API server that is away for a while", async () => {
    const made = await create(configMap({ mode: "fast" }));
    await api.stopServer();
    const back = api.startServer();
    const outputs = await driver.update?.(context(), made, configMap({ mode: "slow" }));
    expect(outputs?.["data"]).toEqual({ mode: "slow" });
    await back;
  });

  it("keeps records of a cluster that does not answer, and says so once", async () => {
    const made = await create(configMap({ mode: "fast" }));
    await api.stopServer();
    onTestFinished(() => api.startServer());
    await expect(read(made)).rejects.toThrow(/refused/);
    const fresh = createKubernetesDriver({
      ...{ retryMs: 50, retryCapMs: 100, patienceMs: 500, readPatienceMs: 500, unknownPatienceMs: 500 },
    });
    const ctx = context({ skipUpdateUnreachable: "true" });
    const answers = await Promise.all([
      fresh.read?.(ctx, made),
      fresh.read?.(ctx, made),
      fresh.find?.(ctx, made.inputs),
    ]);
    expect(answers).toEqual([made, made, undefined]);
    expect(
      ctx.lines.filter((line) => line.startsWith("warning: the cluster does not answer: what")),
    ).toHaveLength(1);
    await expect(fresh.delete?.(ctx, made)).rejects.toThrow(/refused/);
  });
});
