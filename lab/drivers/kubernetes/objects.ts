/** What the driver does to one object: apply it, wait for it, take it away. */
import { z } from "zod";
import type { DriverContext, Existing, Properties } from "../../engine/driver.ts";
import { type Cause, type Kubectl, KubectlError } from "./kubectl.ts";
import {
  annotation,
  idOf,
  isManagedBy,
  type Manifest,
  manifestOf,
  outputsOf,
  referenceOf,
  toManifest,
  UNFINISHED,
} from "./manifest.ts";
import type { Settings } from "./provider.ts";
import { type Reader, readOne } from "./reader.ts";
import { untilReady } from "./ready.ts";
import { troubleWith } from "./trouble.ts";
import { observedInputs } from "./values.ts";

/** A resource as the record has it. */
export type Recorded = Existing & { readonly inputs: Properties };

const DELETE_LIMIT_MS = 600_000;
/** Asking what went wrong comes when the time is up already. */
const TROUBLE_MS = 20_000;

/**
 * The real provider's rule: what is there already was made by somebody else, or under another name of ours.
 * @throws Error that says who made it
 */
export function refuseForeign(live: Manifest | undefined, manager: string): void {
  if (live === undefined || isManagedBy(live, manager)) return;
  const managers = [...new Set((live.metadata.managedFields ?? []).map(({ manager }) => manager))].join(", ");
  throw new Error(
    `${live.kind} ${idOf(live)} exists already, made by ${managers || "somebody else"}. Delete it, give a ` +
      "renamed resource an alias, or set upsertExistingObjects on the provider to take it over.",
  );
}

/** Creates or updates. @throws KubectlError */
export async function apply(
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

/** Waits until what was applied is ready; answers it as it is then. @throws Error that says what is wrong */
export async function settle(
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
export function observed(live: Manifest, old: Recorded, manager: string): Recorded {
  const unfinished = old.outputs[UNFINISHED] === true ? { [UNFINISHED]: true } : {};
  return {
    id: idOf(live),
    outputs: { ...outputsOf(live, manager), ...unfinished },
    inputs: observedInputs(old.inputs, { ...outputsOf(live, manager) }),
  };
}

/** Kinds that the real provider does not wait for when they are annotated with skipAwait. */
const LETS_GO = ["Namespace", "Pod", "DaemonSet", "Deployment", "StatefulSet", "Job"];

/** Deletes and waits until it is gone. @throws Error that names the finalizers it waits for */
export async function remove(kubectl: Kubectl, old: Recorded, timeoutMs = DELETE_LIMIT_MS): Promise<void> {
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
