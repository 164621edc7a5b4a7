/** Waiting until an object does what it is for. kubectl watches; here is only what to watch for. */
import { setTimeout as sleep } from "node:timers/promises";
import { getAt } from "../../engine/paths.ts";
import { isObject } from "../../engine/wire.ts";
import type { Kubectl } from "./kubectl.ts";
import { annotation, groupKind, type Manifest } from "./manifest.ts";

/** The real provider's limits. */
const LIMIT_MS = 600_000;
const VOLUME_LIMIT_MS = 300_000;
const PAUSE_MS = 500;

/** What to look at, and when it is enough. */
interface Watch {
  readonly what: string;
  /** Arguments of `kubectl get` that choose it. */
  readonly target: readonly string[];
  /** JSONPath of what each line shows. */
  readonly path: string;
  isReady(line: string): boolean;
  /** The line says that it has failed. @default never */
  hasFailed?(line: string): boolean;
}

type Step = (kubectl: Kubectl, live: Manifest, signal: AbortSignal) => Promise<void>;

interface Rule {
  readonly limitMs: number;
  readonly wait: Step;
}

const RULES: Readonly<Record<string, Rule>> = {
  "apps/Deployment": { limitMs: LIMIT_MS, wait: rolledOut },
  "apps/DaemonSet": { limitMs: LIMIT_MS, wait: rolledOut },
  "apps/StatefulSet": { limitMs: LIMIT_MS, wait: rolledOut },
  "batch/Job": {
    limitMs: LIMIT_MS,
    wait: watching(
      "job.batch",
      "to complete",
      '{range .status.conditions[?(@.status=="True")]}{.type} {end}',
      {
        isReady: (line) => /\bComplete\b/.test(line),
        hasFailed: (line) => /\bFailed\b/.test(line),
      },
    ),
  },
  "/Pod": {
    limitMs: LIMIT_MS,
    wait: watching("pod", "to be ready", '{.status.phase} {.status.conditions[?(@.type=="Ready")].status}', {
      isReady: (line) => /^Succeeded|True$/.test(line.trim()),
      hasFailed: (line) => line.startsWith("Failed"),
    }),
  },
  "/Service": { limitMs: LIMIT_MS, wait: servedService },
  "networking.k8s.io/Ingress": {
    limitMs: LIMIT_MS,
    wait: watching("ingress.networking.k8s.io", "for an address", "{.status.loadBalancer.ingress}", {
      isReady: (line) => line !== "",
    }),
  },
  "/PersistentVolumeClaim": { limitMs: VOLUME_LIMIT_MS, wait: boundClaim },
  "/PersistentVolume": {
    limitMs: VOLUME_LIMIT_MS,
    wait: watching("persistentvolume", "to be available", "{.status.phase}", {
      isReady: (line) => line === "Available" || line === "Bound",
      hasFailed: (line) => line === "Failed",
    }),
  },
  "apiregistration.k8s.io/APIService": {
    limitMs: LIMIT_MS,
    wait: watching("apiservice.apiregistration.k8s.io", "to be available", conditionPath("Available"), {
      isReady: (line) => line === "True",
    }),
  },
  "apiextensions.k8s.io/CustomResourceDefinition": {
    limitMs: LIMIT_MS,
    wait: watching(
      "customresourcedefinition.apiextensions.k8s.io",
      "to be established",
      conditionPath("Established"),
      { isReady: (line) => line === "True" },
    ),
  },
};

function conditionPath(type: string): string {
  return `{.status.conditions[?(@.type=="${type}")].status}`;
}

/**
 * Waits until the object is ready, if it is of a kind that can be waited for and not annotated with
 * `pulumi.com/skipAwait`. The limit is `customTimeouts`, `pulumi.com/timeoutSeconds`, or the kind's own.
 * Answers whether there was anything to wait for.
 * @throws Error when the time is up, or when it can never become ready
 */
export async function untilReady(kubectl: Kubectl, live: Manifest, timeoutMs?: number): Promise<boolean> {
  const rule = RULES[groupKind(live)];
  if (rule === undefined || annotation(live, "skipAwait") === "true") return false;
  const annotated = Number(annotation(live, "timeoutSeconds")) * 1000;
  const limitMs = timeoutMs ?? (annotated > 0 ? annotated : rule.limitMs);
  const limit = AbortSignal.timeout(limitMs);
  try {
    await rule.wait(kubectl, live, AbortSignal.any([kubectl.signal, limit]));
    return true;
  } catch (error) {
    if (!limit.aborted && !isTimeout(kubectl.signal)) throw error;
    throw new Error(`not ready after ${Math.round(limitMs / 1000)} s`);
  }
}

/** True when the signal was aborted because the time was up, not because somebody cancelled. */
function isTimeout(signal: AbortSignal): boolean {
  return signal.aborted && signal.reason instanceof Error && signal.reason.name === "TimeoutError";
}

function inNamespace({ metadata: { namespace } }: Manifest): readonly string[] {
  return namespace === undefined ? [] : [`--namespace=${namespace}`];
}

function watching(
  resource: string,
  what: string,
  path: string,
  ends: Pick<Watch, "isReady" | "hasFailed">,
): Step {
  return (kubectl, live, signal) => {
    // As a list of one: of an object by its name, kubectl shows what it was, and leaves out what it is when the watch begins.
    const target = [resource, `--field-selector=metadata.name=${live.metadata.name}`, ...inNamespace(live)];
    return watch(kubectl, { what, target, path, ...ends }, signal);
  };
}

/** Follows what kubectl prints until a line settles it. A watch that the server ends is begun again. */
async function watch(
  kubectl: Kubectl,
  { what, target, path, ...ends }: Watch,
  signal: AbortSignal,
): Promise<void> {
  kubectl.log(`waiting ${what}`);
  const settled = new AbortController();
  let outcome: "ready" | "failed" | undefined;
  const onLine = (line: string): void => {
    if (outcome === undefined && ends.isReady(line)) outcome = "ready";
    else if (outcome === undefined && ends.hasFailed?.(line)) outcome = "failed";
    if (outcome !== undefined) settled.abort();
  };
  while (outcome === undefined) {
    try {
      await kubectl.run(["get", ...target, "--watch", `--output=jsonpath=${path}{"\\n"}`], {
        onLine,
        signal: AbortSignal.any([signal, settled.signal]),
        brief: false,
        sitOut: ["unreachable", "busy", "unknown"],
      });
      if (outcome === undefined) await sleep(PAUSE_MS, undefined, { signal });
    } catch (error) {
      if (outcome === undefined) throw error;
    }
  }
  if (outcome === "failed") throw new Error("failed");
}

/** kubectl's own account of a rollout; it has none for pods that are replaced by hand. */
async function rolledOut(kubectl: Kubectl, live: Manifest, signal: AbortSignal): Promise<void> {
  const kind = live.kind.toLowerCase();
  if (getAt(live, ["spec", "updateStrategy", "type"]) === "OnDelete")
    return allPodsReady(kubectl, live, signal);
  let last = "";
  const onLine = (line: string): void => {
    if (line !== last) kubectl.log(line.trim());
    last = line;
  };
  const args = ["rollout", "status", `${kind}.apps/${live.metadata.name}`, ...inNamespace(live)];
  await kubectl.run(args, { onLine, signal, brief: false });
}

/** With the strategy OnDelete: as many pods ready as wanted, old or new. */
function allPodsReady(kubectl: Kubectl, live: Manifest, signal: AbortSignal): Promise<void> {
  const [wanted, ready] =
    live.kind === "DaemonSet"
      ? ["{.status.desiredNumberScheduled}", "{.status.numberReady}"]
      : ["{.spec.replicas}", "{.status.readyReplicas}"];
  return watching(
    `${live.kind.toLowerCase()}.apps`,
    "for its pods",
    `{.metadata.generation} {.status.observedGeneration} ${wanted}/${ready}`,
    {
      isReady: (line) => {
        const [, generation, observed, want, has] = /^(\d+) (\d+) (\d+)\/(\d*)$/.exec(line) ?? [];
        return (
          generation !== undefined && Number(observed) >= Number(generation) && Number(has) >= Number(want)
        );
      },
    },
  )(kubectl, live, signal);
}

/** A selector needs somebody to lead to, and a load balancer an address. */
async function servedService(kubectl: Kubectl, live: Manifest, signal: AbortSignal): Promise<void> {
  const { type = "ClusterIP", clusterIP, selector } = isObject(live["spec"]) ? live["spec"] : {};
  const isSelecting = isObject(selector) && Object.keys(selector).length > 0;
  if (isSelecting && clusterIP !== "None" && type !== "ExternalName") {
    const { name } = live.metadata;
    const target = [
      ...["endpointslices.discovery.k8s.io", `--selector=kubernetes.io/service-name=${name}`],
      ...inNamespace(live),
    ];
    const path = "{.endpoints[*].conditions.ready}";
    await watch(
      kubectl,
      { what: "for endpoints", target, path, isReady: (line) => line.includes("true") },
      signal,
    );
  }
  if (type !== "LoadBalancer") return;
  const ends = { isReady: (line: string) => line !== "" };
  await watching("service", "for an address", "{.status.loadBalancer.ingress}", ends)(kubectl, live, signal);
}

/** A class that binds with the first consumer leaves a claim pending until there is one. */
async function boundClaim(kubectl: Kubectl, live: Manifest, signal: AbortSignal): Promise<void> {
  const name = getAt(live, ["spec", "storageClassName"]);
  if (typeof name === "string" && name !== "") {
    const args = ["get", "storageclass.storage.k8s.io", name, "--ignore-not-found"];
    const mode = await kubectl.run([...args, "--output=jsonpath={.volumeBindingMode}"], { signal });
    if (mode.trim() === "WaitForFirstConsumer") return;
  }
  const ends = {
    isReady: (line: string) => line === "Bound",
    hasFailed: (line: string) => line === "Lost",
  };
  await watching("persistentvolumeclaim", "to be bound", "{.status.phase}", ends)(kubectl, live, signal);
}
