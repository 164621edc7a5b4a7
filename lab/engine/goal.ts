/** What the program asks for: one `RegisterResourceRequest` as plain data. */
import type { RegisterResourceRequest } from "@pulumi/pulumi/proto/resource_pb.js";
import type { Properties } from "./driver.ts";
import { EngineError } from "./errors.ts";
import type { ResourceRecord } from "./state.ts";
import { isProviderType, makeUrn } from "./urn.ts";
import { isObject, isSecret } from "./wire.ts";

/** A resource as the program wants it. Everything but the last two is recorded as it is. */
export interface Goal extends Omit<ResourceRecord, "id" | "outputs" | "delete"> {
  readonly aliases: readonly string[];
  readonly deleteBeforeReplace: boolean | undefined;
}

/** @throws EngineError for options that this engine does not have. */
export function goalOf(
  request: RegisterResourceRequest,
  { project, stack }: { readonly project: string; readonly stack: string },
): Goal {
  refuseUnsupported(request);
  const type = request.getType();
  const parent = request.getParent();
  const inputs = propertiesOf(request.getObject());
  const version = request.getVersion();
  const propertyDependencies = [...request.getPropertydependenciesMap().entries()].map(
    ([key, urns]): [string, string[]] => [key, urns.getUrnsList()],
  );
  return {
    urn: makeUrn({
      stack,
      project,
      parent: parent === "" ? undefined : parent,
      type,
      name: request.getName(),
    }),
    type,
    custom: request.getCustom(),
    inputs: isProviderType(type) && version !== "" ? { version, ...inputs } : inputs,
    dependencies: request.getDependenciesList(),
    propertyDependencies: Object.fromEntries(propertyDependencies),
    aliases: request.getAliasurnsList(),
    deleteBeforeReplace: request.getDeletebeforereplacedefined()
      ? request.getDeletebeforereplace()
      : undefined,
    ...optional({
      parent,
      provider: request.getProvider(),
      protect: request.getProtect(),
      retainOnDelete: request.getRetainondelete(),
      deletedWith: request.getDeletedwith(),
    }),
    ...optional({
      additionalSecretOutputs: request.getAdditionalsecretoutputsList(),
      ignoreChanges: request.getIgnorechangesList(),
      replaceOnChanges: request.getReplaceonchangesList(),
    }),
    ...optional({ customTimeouts: timeoutsOf(request) }),
  };
}

/** A protobuf struct as properties in wire format. */
export function propertiesOf(struct: { toJavaScript(): unknown } | undefined): Record<string, unknown> {
  const value = struct?.toJavaScript();
  return isObject(value) && !isSecret(value) ? { ...value } : {};
}

/** The record of a goal that has been reached. */
export function recordOf(
  goal: Goal,
  reached: { readonly inputs: Properties; readonly outputs: Properties; readonly id?: string },
): ResourceRecord {
  const { aliases: _aliases, deleteBeforeReplace: _deleteBeforeReplace, ...recorded } = goal;
  return { ...recorded, ...reached };
}

function timeoutsOf(request: RegisterResourceRequest): Record<string, string> {
  const timeouts = request.getCustomtimeouts();
  return optional({
    create: timeouts?.getCreate(),
    update: timeouts?.getUpdate(),
    delete: timeouts?.getDelete(),
    read: timeouts?.getRead(),
  });
}

/** Leaves out what is empty, as absent options are. */
function optional<T extends object>(values: T): { [K in keyof T]?: Exclude<T[K], undefined> } {
  const present = Object.entries(values).filter(([, value]) =>
    typeof value === "object" ? Object.keys(value).length > 0 : Boolean(value),
  );
  return Object.fromEntries(present) as { [K in keyof T]?: Exclude<T[K], undefined> };
}

function refuseUnsupported(request: RegisterResourceRequest): void {
  const used = [
    request.getImportid() === "" ? [] : ["import"],
    request.hasReplacementTrigger() ? ["replacementTrigger"] : [],
    request.getRemote() ? ["remote components"] : [],
  ].flat();
  if (used.length === 0) return;
  const options = used.join(", ");
  throw new EngineError(
    `${request.getName()} (${request.getType()}) uses ${options}: the lab's engine does not have that. ` +
      "Use the pulumi CLI, or leave it out.",
  );
}
