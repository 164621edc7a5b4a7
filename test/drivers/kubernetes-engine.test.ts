/** A program with the Kubernetes SDK, run by the engine with the driver on a real API server. */
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { createKubernetesDriver } from "../../lab/drivers/kubernetes/index.ts";
import type { Result } from "../../lab/engine/events.ts";
import { CANARY, Stack } from "../engine/support/stack.ts";
import { type KubeApi, k3sBinary, startKubeApi, TOKEN } from "./support/kube-api.ts";

const binary = k3sBinary();
const unlessBuilt = binary === undefined ? " (skipped: needs GARDENOS_TEST_K3S, the lab's k3s binary)" : "";

describe.skipIf(binary === undefined)(`a program on a real API server${unlessBuilt}`, () => {
  const stack = new Stack();
  let api: KubeApi;
  beforeAll(async () => {
    process.env["GARDENOS_KUBECTL"] = JSON.stringify([binary, "kubectl"]);
    api = await startKubeApi(binary ?? "");
  }, 180_000);
  afterAll(async () => {
    delete process.env["GARDENOS_KUBECTL"];
    stack.remove();
    await api?.remove();
  });

  const engine = (settings: Readonly<Record<string, string>> = {}) => {
    stack.screen = "";
    const config = { "demo:kubeconfig": api.kubeconfig, ...settings };
    return stack.engine([], {
      program: "cluster",
      config,
      drivers: { test: stack.cloud.driver, kubernetes },
    });
  };
  const kubernetes = createKubernetesDriver({
    ...{ retryMs: 50, retryCapMs: 500, patienceMs: 5_000, readPatienceMs: 500, unknownPatienceMs: 5_000 },
  });
  const counted = ({ counts, errors }: Result) => ({ ...counts, errors });
  const unchanged = { create: 0, update: 0, replace: 0, delete: 0, same: 6, errors: [] };
  const lines = (): readonly string[] => stack.screen.split("\n").map((line) => line.trim());

  it("previews, creates, leaves alone, updates and replaces", { timeout: 240_000 }, async () => {
    expect(counted(await engine().preview())).toMatchObject({ create: 6, errors: [] });
    expect(counted(await engine().up())).toMatchObject({ create: 6, errors: [] });
    expect(stack.outputs()).toEqual({ uid: expect.stringMatching(/^[\da-f-]{36}$/) });
    expect(counted(await engine().up())).toEqual(unchanged);

    const changed = { "demo:image": "web:2", "demo:mode": "slow", "demo:sidecar": "yes" };
    expect(counted(await engine(changed).preview())).toMatchObject({ update: 2, same: 4, errors: [] });
    expect(lines()).toEqual(
      expect.arrayContaining([
        "~ update  kubernetes:core/v1:ConfigMap settings",
        "data.mode: fast → slow",
        "~ update  kubernetes:apps/v1:Deployment web",
        "spec.template.spec.containers[0].image: web:1 → web:2",
        "spec.template.spec.containers[0].env[0].value: fast → slow",
        'spec.template.spec.containers[1]: added {"image":"sidecar:1","name":"sidecar"}',
      ]),
    );
    expect(counted(await engine(changed).up())).toMatchObject({ update: 2, same: 4, errors: [] });

    const other = { ...changed, "demo:app": "other", "demo:mutable": "false", "demo:mode": "fast" };
    expect(counted(await engine(other).up())).toMatchObject({ replace: 2, update: 1, same: 3, errors: [] });
    expect(lines()).toContain("spec.selector.matchLabels.app: web → other  (forces replacement)");
    expect(lines()).toContain("spec.template.metadata.labels.app: web → other");
    expect(lines()).toContain("data.mode: slow → fast  (forces replacement)");
  });

  it("repairs drift, and shows no secret", { timeout: 60_000 }, async () => {
    api.kubectl(
      "patch",
      "secret",
      "password",
      "--namespace=demo",
      "--type=merge",
      '--patch={"data":{"text":"eA=="}}',
    );
    const settings = { "demo:mutable": "true" };
    expect((await engine(settings).preview()).errors).toEqual([]);
    const { drift } = await engine(settings).refresh();
    expect(drift).toMatchObject([
      { name: "password", properties: [{ path: "data", before: "[secret]", after: "[secret]" }] },
    ]);
    for (const text of [stack.screen, JSON.stringify(stack.events), stack.stateText]) {
      for (const hidden of [CANARY, Buffer.from(CANARY).toString("base64"), TOKEN])
        expect(text).not.toContain(hidden);
    }
  });

  it("plans with a cluster that is away, and destroys when it is back", { timeout: 240_000 }, async () => {
    await api.stopServer();
    const { exitCode, drift } = await engine().refresh();
    expect({ exitCode, drift }).toEqual({ exitCode: 0, drift: [] });
    expect(stack.screen.match(/warning: .*the cluster does not answer/g)).toHaveLength(1);
    await api.startServer();
    const destroying = engine().destroy();
    // Nobody else empties a namespace where there are no controllers.
    await expect
      .poll(() => api.kubectl("get", "namespace", "demo", "--output=jsonpath={.status.phase}"), {
        timeout: 30_000,
      })
      .toBe("Terminating");
    api.finalize("demo");
    expect(await destroying).toMatchObject({ exitCode: 0, errors: [] });
  });
});
