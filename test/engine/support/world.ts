/** The resources of a test, as data: the test programs make them, and in-process tests register them directly. */
import type { Deployment } from "../../../lab/engine/deployment.ts";
import type { Goal } from "../../../lab/engine/goal.ts";
import { makeUrn } from "../../../lab/engine/urn.ts";
import { secret } from "../../../lab/engine/wire.ts";

export interface Item {
  readonly name: string;
  /** Name of the component that it belongs to. */
  readonly group?: string;
  readonly inputs?: Readonly<Record<string, unknown>>;
  readonly secrets?: Readonly<Record<string, unknown>>;
  /** Inputs that are the id of another item. */
  readonly refs?: Readonly<Record<string, string>>;
  /** Inputs that are the `token` output of another item. */
  readonly tokens?: Readonly<Record<string, string>>;
  readonly options?: {
    readonly dependsOn?: readonly string[];
    readonly aliases?: readonly string[];
    readonly protect?: boolean;
    readonly retainOnDelete?: boolean;
    readonly deleteBeforeReplace?: boolean;
    readonly ignoreChanges?: string[];
    readonly replaceOnChanges?: string[];
    readonly additionalSecretOutputs?: string[];
    readonly customTimeouts?: Readonly<Record<string, string>>;
    /** Name of another item. */
    readonly deletedWith?: string;
  };
}

export const PROJECT = "demo";
export const STACK = "lab";
export const TYPE = "test:index/thing:Thing";

export function urnOf(name: string): string {
  return makeUrn({ project: PROJECT, stack: STACK, type: TYPE, name });
}

/** Registers items one after the other, as the SDK would, and ends the pass. */
export async function registerAll(deployment: Deployment, items: readonly Item[]): Promise<void> {
  const ids = new Map<string, string>();
  for (const item of items) {
    const record = await deployment.register(goalOf(item, ids));
    ids.set(item.name, record.id ?? "");
  }
  await deployment.finish();
}

function goalOf(
  { name, inputs, secrets, refs = {}, options = {} }: Item,
  ids: ReadonlyMap<string, string>,
): Goal {
  const { dependsOn = [], aliases = [], deletedWith, customTimeouts, deleteBeforeReplace, ...rest } = options;
  const references = Object.entries(refs).map(([key, other]) => [key, ids.get(other) || UNKNOWN_ID]);
  const marked = Object.entries(secrets ?? {}).map(([key, value]) => [key, secret(value)]);
  return {
    urn: urnOf(name),
    type: TYPE,
    custom: true,
    inputs: { ...inputs, ...Object.fromEntries(marked), ...Object.fromEntries(references) },
    dependencies: [...dependsOn, ...Object.values(refs)].map(urnOf),
    propertyDependencies: Object.fromEntries(
      Object.entries(refs).map(([key, other]) => [key, [urnOf(other)]]),
    ),
    aliases: aliases.map(urnOf),
    deleteBeforeReplace,
    ...rest,
    ...(deletedWith === undefined ? {} : { deletedWith: urnOf(deletedWith) }),
    ...(customTimeouts === undefined ? {} : { customTimeouts: { ...customTimeouts } }),
  };
}

const UNKNOWN_ID = "04da6b54-80e4-46f7-96ec-b56ff0331ba9";
