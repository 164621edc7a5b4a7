/** Stands in for the `kubernetes` provider 4.34: server-side apply, wait and delete by kubectl. */
import { z } from "zod";
import type { CheckFailure, Driver, DriverContext, Existing, Properties } from "../../engine/driver.ts";
import { isObject } from "../../engine/wire.ts";
import { replacedPaths } from "./immutable.ts";
import { type Cause, DEFAULT_TIMING, Kubectl, KubectlError, type Timing } from "./kubectl.ts";
import {
  annotation,
  fieldManagerOf,
  idOf,
  isManagedBy,
  type Manifest,
  manifestOf,
  outputsOf,
  referenceOf,
  referenceTo,
  toManifest,
  UNFINISHED,
} from "./manifest.ts";
import { connectionOf, type Settings, settingsOf } from "./provider.ts";
import { Reader, readOne } from "./reader.ts";
import { untilReady } from "./ready.ts";
import { troubleWith } from "./trouble.ts";
import { isSame, observedInputs } from "./values.ts";

type Recorded = Existing & { readonly inputs: Properties };

const DELETE_LIMIT_MS = 600_000;
/** After a reader found nothing there, others need not try for as long. */
const MEMORY_MS = 60_000;
/** Asking what went wrong comes when the time is up already. */
const TROUBLE_MS = 20_000;

/** A driver call's provider: what it says and the kubectl it leads to. */
interface Session {
  readonly settings: Settings;
  readonly kubectl: Kubectl;
}

/** @param timing waits between retries */
export function createKubernetesDriver(timing: Timing = DEFAULT_TIMING): Driver {
  const reader = new Reader();
  const unreachable = new Map<string, number>();
  const session = (ctx: DriverContext): Session => {
    const settings = settingsOf(ctx.provider);
    return { settings, kubectl: new Kubectl(ctx, connectionOf(settings), timing) };
  };

  return {
    check: (type, news) => ({ inputs: normalized(news), failures: failuresOf(type, news) }),

    diff(_type, old, news, provider = {}) {
      const keys = [...new Set([...Object.keys(old.inputs), ...Object.keys(news)])];
      const changed = keys.filter((key) => !isSame(old.inputs[key], news[key], [key]));
      const replace = replacedPaths(old.inputs, news, settingsOf(provider));
      const isUnfinished = old.outputs[UNFINISHED] === true;
      return {
        changed: isUnfinished ? [...changed, "status"] : changed,
        replace,
        // Objects bear the name that the program gives: two of one name can't be there at a time.
        deleteBeforeReplace: !replace.some((path) => path.startsWith("metadata.name")),
        ...(isUnfinished ? { note: "an interrupted run made it, and nobody has waited for it" } : {}),
      };
    },

    async create(ctx, inputs) {
      const { kubectl, settings } = session(ctx);
      const manager = fieldManagerOf(ctx.urn, inputs);
      if (!settings.upsertExistingObjects)
        refuseForeign(await reader.read(kubectl, referenceTo(inputs)), manager);
      const sitOut: readonly Cause[] = ["unreachable", "busy", "unknown"];
      const live = await apply(kubectl, inputs, { manager, settings, sitOut });
      return { id: idOf(live), outputs: outputsOf(await settle(live, ctx, { kubectl, reader }), manager) };
    },

    async update(ctx, old, news) {
      const { kubectl, settings } = session(ctx);
      const manager = fieldManagerOf(ctx.urn, news, old.outputs);
      const live = await apply(kubectl, news, { manager, settings });
      return outputsOf(await settle(live, ctx, { kubectl, reader }), manager);
    },

    async read(ctx, old) {
      const { kubectl, settings } = session(ctx);
      const key = JSON.stringify(kubectl.connection);
      const isKnownDown = Date.now() - (unreachable.get(key) ?? 0) < MEMORY_MS;
      if (settings.skipUpdateUnreachable && isKnownDown) return old;
      try {
        const live = await reader.read(kubectl, referenceOf(old), timing.readPatienceMs);
        unreachable.delete(key);
        return live && observed(live, old, fieldManagerOf(ctx.urn, old.inputs, old.outputs));
      } catch (error) {
        if (!isUnreachable(error)) throw error;
        const isFirst = !unreachable.has(key);
        unreachable.set(key, Date.now());
        if (settings.deleteUnreachable) return undefined;
        if (!settings.skipUpdateUnreachable) throw error;
        if (isFirst)
          ctx.warn(`the cluster does not answer: what is recorded of it stays as it is (${error.message})`);
        return old;
      }
    },

    async find(ctx, inputs) {
      const { kubectl, settings } = session(ctx);
      const manager = fieldManagerOf(ctx.urn, inputs);
      try {
        const live = await reader.read(kubectl, referenceTo(inputs), timing.readPatienceMs);
        if (live === undefined || !isManagedBy(live, manager)) return undefined;
        return { id: idOf(live), outputs: { ...outputsOf(live, manager), [UNFINISHED]: true } };
      } catch (error) {
        if (!isUnreachable(error) || !settings.skipUpdateUnreachable) throw error;
        // Not lost: a create takes over what was applied under the same field manager.
        ctx.warn(`the cluster does not answer: it is made again when it does (${error.message})`);
        return undefined;
      }
    },

    async delete(ctx, old) {
      const { kubectl, settings } = session(ctx);
      try {
        await remove(kubectl, old, ctx.timeoutMs);
      } catch (error) {
        if (!isUnreachable(error) || !settings.deleteUnreachable) throw error;
        ctx.warn(`the cluster does not answer: only the record is deleted (${error.message})`);
      }
    },

    secretInputs: secretKeys,
    secretOutputs: secretKeys,
    driftsByInputs: true,
    diffsPartly: true,
  };
}

function secretKeys(type: string): readonly string[] {
  return type === "kubernetes:core/v1:Secret" ? ["data", "stringData"] : [];
}

/** As the real provider sees it: a cluster whose API can't be read, be it for credentials that have run out. */
function isUnreachable(error: unknown): error is KubectlError {
  return error instanceof KubectlError && ["unreachable", "stranger"].includes(error.reason);
}

const named = z.looseObject({
  metadata: z.looseObject({ name: z.string().min(1) }, "wanted: metadata with the object's name"),
});

function failuresOf(type: string, news: Properties): readonly CheckFailure[] {
  const unsupported = /^kubernetes:(yaml|helm|kustomize)|(Patch|List)$/.test(type);
  if (unsupported) return [{ property: "kind", reason: `${type}: the lab's driver has plain objects only` }];
  const { metadata } = news;
  if (isObject(metadata) && metadata["generateName"] !== undefined)
    return [
      { property: "metadata.generateName", reason: "the program names every object: give metadata.name" },
    ];
  if (named.safeParse(news).success) return [];
  return [
    { property: "metadata.name", reason: "there is none, and the lab's driver makes no names up: give one" },
  ];
}

/** As the real provider records them: a Secret's texts are data, in base64. */
function normalized(inputs: Properties): Properties {
  const { stringData, ...rest } = inputs;
  if (inputs["kind"] !== "Secret" || inputs["apiVersion"] !== "v1" || !isObject(stringData)) return inputs;
  const texts = Object.entries(stringData).map(([key, value]) => [
    key,
    Buffer.from(String(value)).toString("base64"),
  ]);
  return { ...rest, data: { ...(isObject(rest["data"]) ? rest["data"] : {}), ...Object.fromEntries(texts) } };
}

/** The real provider's rule: what is there already was made by somebody else, or under another name of ours. */
function refuseForeign(live: Manifest | undefined, manager: string): void {
  if (live === undefined || isManagedBy(live, manager)) return;
  const managers = [...new Set((live.metadata.managedFields ?? []).map(({ manager }) => manager))].join(", ");
  throw new Error(
    `${live.kind} ${idOf(live)} exists already, made by ${managers || "somebody else"}. Delete it, give a ` +
      "renamed resource an alias, or set upsertExistingObjects on the provider to take it over.",
  );
}

async function apply(
  kubectl: Kubectl,
  inputs: Properties,
  options: {
    readonly manager: string;
    readonly settings: Pick<Settings, "enablePatchForce">;
    readonly sitOut?: readonly Cause[];
  },
): Promise<Manifest> {
  const wish = annotation(inputs, "patchForce");
  const force = wish === undefined ? options.settings.enablePatchForce : wish === "true";
  const args = ["apply", "--server-side", `--field-manager=${options.manager}`, "--filename=-"];
  const answer = await kubectl.json([...args, ...(force ? ["--force-conflicts"] : [])], {
    stdin: JSON.stringify(toManifest(inputs)),
    ...(options.sitOut === undefined ? {} : { sitOut: options.sitOut }),
  });
  return manifestOf(answer);
}

/** Waits until what was applied is ready; answers it as it is then. */
async function settle(
  applied: Manifest,
  ctx: DriverContext,
  { kubectl, reader }: { readonly kubectl: Kubectl; readonly reader: Reader },
): Promise<Manifest> {
  try {
    const hasWaited = await untilReady(kubectl, applied, ctx.timeoutMs);
    return hasWaited ? ((await reader.read(kubectl, applied)) ?? applied) : applied;
  } catch (error) {
    const isCancelled = ctx.signal.aborted && ctx.signal.reason?.name !== "TimeoutError";
    if (isCancelled || !(error instanceof Error)) throw error;
    const trouble = await troubleWith(kubectl.until(AbortSignal.timeout(TROUBLE_MS)), applied);
    throw new Error([`${applied.kind} ${idOf(applied)}: ${error.message}`, ...trouble].join("\n  "));
  }
}

/** The record as a refresh finds it. */
function observed(live: Manifest, old: Recorded, manager: string): Recorded {
  const unfinished = old.outputs[UNFINISHED] === true ? { [UNFINISHED]: true } : {};
  return {
    id: idOf(live),
    outputs: { ...outputsOf(live, manager), ...unfinished },
    inputs: observedInputs(old.inputs, { ...outputsOf(live, manager) }),
  };
}

/** Kinds that the real provider does not wait for when they are annotated with skipAwait. */
const LETS_GO = ["Namespace", "Pod", "DaemonSet", "Deployment", "StatefulSet", "Job"];

async function remove(kubectl: Kubectl, old: Recorded, timeoutMs = DELETE_LIMIT_MS): Promise<void> {
  const reference = referenceOf(old);
  const policy = annotation(old.inputs, "deletionPropagationPolicy")?.toLowerCase();
  const cascade = policy === "orphan" || policy === "background" ? policy : "foreground";
  const wait = !(LETS_GO.includes(reference.kind) && annotation(old.inputs, "skipAwait") === "true");
  const args = ["delete", "--filename=-", "--ignore-not-found", `--cascade=${cascade}`, `--wait=${wait}`];
  try {
    const limit = AbortSignal.any([kubectl.signal, AbortSignal.timeout(timeoutMs)]);
    await kubectl.run(args, { stdin: JSON.stringify(reference), brief: false, signal: limit });
  } catch (error) {
    // With its kind or namespace the object has gone as well.
    if (error instanceof KubectlError && error.reason === "unknown") return;
    if (!(error instanceof Error && error.name === "TimeoutError")) throw error;
    const live = await readOne(kubectl.until(AbortSignal.timeout(TROUBLE_MS)), reference);
    const { finalizers } = z
      .object({ finalizers: z.array(z.string()).default([]) })
      .parse(live?.metadata ?? {});
    const why = finalizers.length > 0 ? `: it waits for its finalizers ${finalizers.join(", ")}` : "";
    throw new Error(`${reference.kind} ${old.id} is not gone after ${Math.round(timeoutMs / 1000)} s${why}`);
  }
}

export const kubernetes: Driver = createKubernetesDriver();
