/** What is wrong with an object that does not become ready: its conditions, its pods, and the last events. */
import { z } from "zod";
import { getAt } from "../../engine/paths.ts";
import { isObject } from "../../engine/wire.ts";
import type { Kubectl } from "./kubectl.ts";
import type { Manifest } from "./manifest.ts";
import { readOne } from "./reader.ts";

const MAX_PODS = 3;
const MAX_EVENTS = 2;
const MAX_LINES = 6;

const condition = z.object({
  type: z.string(),
  status: z.string(),
  reason: z.string().optional(),
  message: z.string().optional(),
});
const state = z.object({ reason: z.string().optional(), message: z.string().optional() });
const container = z.object({
  name: z.string(),
  ready: z.boolean(),
  state: z
    .object({ waiting: state, terminated: state.extend({ exitCode: z.number() }) })
    .partial()
    .default({}),
  lastState: z
    .object({ terminated: state.extend({ exitCode: z.number() }) })
    .partial()
    .default({}),
});
const pods = z.object({
  items: z.array(
    z.object({
      metadata: z.object({ name: z.string() }),
      status: z.object({
        phase: z.string().optional(),
        conditions: z.array(condition).default([]),
        initContainerStatuses: z.array(container).default([]),
        containerStatuses: z.array(container).default([]),
      }),
    }),
  ),
});
type Pod = z.infer<typeof pods>["items"][number];

const events = z.object({
  items: z.array(
    z.object({
      reason: z.string().default(""),
      message: z.string().default(""),
      lastTimestamp: z.string().nullish(),
      eventTime: z.string().nullish(),
      involvedObject: z.object({ kind: z.string().optional(), name: z.string().optional() }).default({}),
    }),
  ),
});

/** Lines that say what is wrong, as far as one can find out. Never fails. */
export async function troubleWith(kubectl: Kubectl, object: Manifest): Promise<readonly string[]> {
  const parts = await Promise.allSettled([
    readOne(kubectl, object).then((live) => (live === undefined ? ["it is gone"] : badConditions(live))),
    troubledPods(kubectl, object),
    lastEvents(kubectl, object),
  ]);
  return parts.flatMap((part) => (part.status === "fulfilled" ? part.value : []));
}

/** Conditions whose being true, or not true, is what is wrong. */
function badConditions(live: Manifest): readonly string[] {
  const parsed = z.array(condition).safeParse(getAt(live, ["status", "conditions"]));
  const isBad = ({ type, status }: z.infer<typeof condition>): boolean =>
    /Fail/.test(type) ? status === "True" : status === "False";
  return (parsed.data ?? []).filter(isBad).map((each) => sentence(each.type, each.reason, each.message));
}

function sentence(...parts: readonly (string | undefined)[]): string {
  return parts.filter((part) => part !== undefined && part !== "").join(": ");
}

function selectorOf(object: Manifest): string | undefined {
  if (object.kind === "Job") return `batch.kubernetes.io/job-name=${object.metadata.name}`;
  const selector = getAt(
    object,
    object.kind === "Service" ? ["spec", "selector"] : ["spec", "selector", "matchLabels"],
  );
  if (!isObject(selector)) return undefined;
  return Object.entries(selector)
    .map(([key, value]) => `${key}=${String(value)}`)
    .join(",");
}

async function troubledPods(kubectl: Kubectl, object: Manifest): Promise<readonly string[]> {
  const { name, namespace } = object.metadata;
  const selector = selectorOf(object);
  if (namespace === undefined || (selector === undefined && object.kind !== "Pod")) return [];
  const which = selector === undefined ? `--field-selector=metadata.name=${name}` : `--selector=${selector}`;
  const { items } = pods.parse(await kubectl.json(["get", "pods", `--namespace=${namespace}`, which]));
  if (items.length === 0) return ["it has no pods"];
  const troubled = items.flatMap((pod) => {
    const trouble = podTrouble(pod);
    return trouble === undefined ? [] : [`pod ${pod.metadata.name}: ${trouble}`];
  });
  const more = troubled.length - MAX_PODS;
  return [...troubled.slice(0, MAX_PODS), ...(more > 0 ? [`and ${more} more pods`] : [])];
}

/** What a container left as its termination message; the end of it says why. */
const lastWords = (message: string | undefined): string | undefined =>
  message?.trim().split("\n").slice(-MAX_LINES).join("\n    ");

/** The first reason why a pod is not ready. */
function podTrouble({ status }: Pod): string | undefined {
  const isReady = status.conditions.some((each) => each.type === "Ready" && each.status === "True");
  if (isReady || status.phase === "Succeeded") return undefined;
  const unscheduled = status.conditions.find(
    (each) => each.type === "PodScheduled" && each.status === "False",
  );
  if (unscheduled !== undefined) return sentence(unscheduled.reason, unscheduled.message);
  for (const each of [...status.initContainerStatuses, ...status.containerStatuses]) {
    const { waiting, terminated } = each.state;
    const ended = terminated ?? each.lastState.terminated;
    const exit = ended === undefined ? undefined : `it ended with exit code ${ended.exitCode}`;
    if (waiting !== undefined && waiting.reason !== "PodInitializing")
      return sentence(`container ${each.name}`, waiting.reason, waiting.message, exit);
    if (terminated !== undefined && terminated.exitCode !== 0)
      return sentence(`container ${each.name}`, terminated.reason, exit, lastWords(terminated.message));
  }
  return status.phase === "Running"
    ? "it runs, but its readiness probe fails"
    : (status.phase ?? "not ready");
}

/** Warnings about the object and about what was made from it, whose names begin with its own. */
async function lastEvents(
  kubectl: Kubectl,
  { metadata: { name, namespace } }: Manifest,
): Promise<readonly string[]> {
  if (namespace === undefined) return [];
  const args = ["get", "events", `--namespace=${namespace}`, "--field-selector=type=Warning"];
  const { items } = events.parse(await kubectl.json(args));
  const time = (one: (typeof items)[number]): string => one.lastTimestamp ?? one.eventTime ?? "";
  const about = items.filter(
    ({ involvedObject: { name: of = "" } }) => of === name || of.startsWith(`${name}-`),
  );
  const latest = about.sort((a, b) => time(b).localeCompare(time(a))).slice(0, MAX_EVENTS);
  return latest.map((one) =>
    sentence(`event of ${one.involvedObject.kind} ${one.involvedObject.name}`, one.reason, one.message),
  );
}
