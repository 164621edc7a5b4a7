/** Stands in for the `kubernetes` provider 4.34: server-side apply, wait and delete by kubectl. */
import type { Diff, Driver, DriverContext, Existing, Properties } from "../../engine/driver.ts";
import { replacedPaths } from "./immutable.ts";
import { failuresOf, normalized, secretKeys } from "./inputs.ts";
import { DEFAULT_TIMING, Kubectl, KubectlError, type Timing } from "./kubectl.ts";
import {
  fieldManagerOf,
  idOf,
  isManagedBy,
  outputsOf,
  referenceOf,
  referenceTo,
  UNFINISHED,
} from "./manifest.ts";
import { apply, observed, type Recorded, refuseForeign, remove, settle } from "./objects.ts";
import { connectionOf, type Settings, settingsOf } from "./provider.ts";
import { Reader } from "./reader.ts";
import { isSame } from "./values.ts";

/** After one read has found that nothing answers, others need not try for as long. */
const MEMORY_MS = 60_000;

/** One driver call: what its provider says, and the way to the cluster. */
interface Session {
  readonly ctx: DriverContext;
  readonly settings: Settings;
  readonly kubectl: Kubectl;
  readonly reader: Reader;
  /** When a cluster was last found not to answer, by its connection. */
  readonly outages: Map<string, number>;
}

/** @param timing waits between retries */
export function createKubernetesDriver(timing: Timing = DEFAULT_TIMING): Driver {
  const reader = new Reader();
  const outages = new Map<string, number>();
  const session = (ctx: DriverContext): Session => {
    const settings = settingsOf(ctx.provider);
    return { ctx, settings, kubectl: new Kubectl(ctx, connectionOf(settings), timing), reader, outages };
  };
  return {
    check: (type, news) => ({ inputs: normalized(news), failures: failuresOf(type, news) }),
    diff: (_type, old, news, provider = {}) => compare(old, news, settingsOf(provider)),

    async create(ctx, inputs) {
      const { kubectl, settings } = session(ctx);
      const manager = fieldManagerOf(ctx.urn, inputs);
      if (!settings.upsertExistingObjects)
        refuseForeign(await reader.read(kubectl, referenceTo(inputs)), manager);
      // A kind or a namespace may be on its way, made by another resource a moment ago.
      const live = await apply(kubectl, inputs, {
        manager,
        settings,
        sitOut: ["unreachable", "busy", "unknown"],
      });
      return { id: idOf(live), outputs: outputsOf(await settle(live, ctx, { kubectl, reader }), manager) };
    },

    async update(ctx, old, news) {
      const { kubectl, settings } = session(ctx);
      const manager = fieldManagerOf(ctx.urn, news, old.outputs);
      const live = await apply(kubectl, news, { manager, settings });
      return outputsOf(await settle(live, ctx, { kubectl, reader }), manager);
    },

    read: (ctx, old) => follow(session(ctx), old),
    find: (ctx, inputs) => findOwn(session(ctx), inputs),

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

function compare(old: Omit<Recorded, "id">, news: Properties, settings: Settings): Diff {
  const keys = [...new Set([...Object.keys(old.inputs), ...Object.keys(news)])];
  const changed = keys.filter((key) => !isSame(old.inputs[key], news[key], [key]));
  const replace = replacedPaths(old.inputs, news, settings);
  const isUnfinished = old.outputs[UNFINISHED] === true;
  return {
    changed: isUnfinished ? [...changed, "status"] : changed,
    replace,
    // Objects bear the name that the program gives: two of one name can't be there at a time.
    deleteBeforeReplace: !replace.some((path) => path.startsWith("metadata.name")),
    ...(isUnfinished ? { note: "an interrupted run made it, and nobody has waited for it" } : {}),
  };
}

/** The record as it is now; where nothing answers, as the provider says. */
async function follow(
  { ctx, settings, kubectl, reader, outages }: Session,
  old: Recorded,
): Promise<Recorded | undefined> {
  const key = JSON.stringify(kubectl.connection);
  const isKnownDown = Date.now() - (outages.get(key) ?? 0) < MEMORY_MS;
  if (settings.skipUpdateUnreachable && isKnownDown) return old;
  try {
    const live = await reader.read(kubectl, referenceOf(old), kubectl.timing.readPatienceMs);
    outages.delete(key);
    return live && observed(live, old, fieldManagerOf(ctx.urn, old.inputs, old.outputs));
  } catch (error) {
    if (!isUnreachable(error)) throw error;
    const isFirst = !outages.has(key);
    outages.set(key, Date.now());
    if (settings.deleteUnreachable) return undefined;
    if (!settings.skipUpdateUnreachable) throw error;
    if (isFirst)
      ctx.warn(`the cluster does not answer: what is recorded of it stays as it is (${error.message})`);
    return old;
  }
}

/** What an interrupted create of this very resource has made: its field manager tells. */
async function findOwn(
  { ctx, settings, kubectl, reader }: Session,
  inputs: Properties,
): Promise<Existing | undefined> {
  const manager = fieldManagerOf(ctx.urn, inputs);
  try {
    const live = await reader.read(kubectl, referenceTo(inputs), kubectl.timing.readPatienceMs);
    if (live === undefined || !isManagedBy(live, manager)) return undefined;
    return { id: idOf(live), outputs: { ...outputsOf(live, manager), [UNFINISHED]: true } };
  } catch (error) {
    if (!isUnreachable(error) || !settings.skipUpdateUnreachable) throw error;
    // Not lost: a create takes over what was applied under the same field manager.
    ctx.warn(`the cluster does not answer: it is made again when it does (${error.message})`);
    return undefined;
  }
}

/** As the real provider sees it: a cluster whose API can't be read, be it for credentials that have run out. */
function isUnreachable(error: unknown): error is KubectlError {
  return error instanceof KubectlError && ["unreachable", "stranger"].includes(error.reason);
}

export const kubernetes: Driver = createKubernetesDriver();
