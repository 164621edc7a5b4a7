/** Kubernetes objects as plain data: identity, annotations, and the way between inputs and what is live. */
import { createHash } from "node:crypto";
import { z } from "zod";
import type { Existing, Properties } from "../../engine/driver.ts";
import { isObject, rebuild } from "../../engine/wire.ts";

/** A name for a record's field that is the driver's own, as the real provider has it. */
const FIELD_MANAGER = "__fieldManager";
/** Marks what an interrupted create has left behind: it may be half, and nobody has waited for it. */
export const UNFINISHED = "__unfinished";

const manifest = z.looseObject({
  apiVersion: z.string(),
  kind: z.string(),
  metadata: z.looseObject({
    name: z.string(),
    namespace: z.string().optional(),
    generation: z.number().optional(),
    annotations: z.record(z.string(), z.string()).optional(),
    managedFields: z.array(z.looseObject({ manager: z.string(), operation: z.string() })).optional(),
  }),
});

/** An object of the API. */
export type Manifest = z.infer<typeof manifest>;

/** What is enough to find an object. */
export interface Reference {
  readonly apiVersion: string;
  readonly kind: string;
  readonly metadata: { readonly name: string; readonly namespace?: string | undefined };
}

/** The API's answer in its typed form. */
export function manifestOf(answer: unknown): Manifest {
  return manifest.parse(answer);
}

/** The inputs as the API wants them. @throws ZodError when the checks were left out */
export function toManifest(inputs: Properties): Manifest {
  return manifestOf(renamed(inputs, /^x_kubernetes_/, (key) => key.replaceAll("_", "-")));
}

/** `namespace/name`, or `name` where there are no namespaces. */
export function idOf({ metadata: { name, namespace } }: Reference): string {
  return namespace === undefined ? name : `${namespace}/${name}`;
}

/** The object that a record stands for; its id says where it is. */
export function referenceOf(old: Existing & { readonly inputs: Properties }): Reference {
  const [name = "", namespace] = old.id.split("/").reverse();
  const { apiVersion, kind } = z
    .object({ apiVersion: z.string(), kind: z.string() })
    .parse({ ...old.outputs, ...old.inputs });
  return { apiVersion, kind, metadata: { name, ...(namespace === undefined ? {} : { namespace }) } };
}

/** The identity in the inputs: without a namespace where the provider or the cluster chooses it. */
export function referenceTo(inputs: Properties): Reference {
  const { apiVersion, kind, metadata } = toManifest(inputs);
  const { name, namespace } = metadata;
  return { apiVersion, kind, metadata: { name, ...(namespace === undefined ? {} : { namespace }) } };
}

/** Outputs as the real provider answers them: the live object, and who manages its fields. */
export function outputsOf(live: Manifest, fieldManager: string): Properties {
  const { managedFields: _bulky, ...metadata } = live.metadata;
  const outputs = renamed({ ...live, metadata }, /^x-kubernetes-/, (key) => key.replaceAll("-", "_"));
  return { ...(outputs as Properties), [FIELD_MANAGER]: fieldManager };
}

/** `apps/Deployment`, `/Service`: what kind of thing it is, whatever the version. */
export function groupKind({ apiVersion, kind }: Pick<Reference, "apiVersion" | "kind">): string {
  return `${apiVersion.includes("/") ? apiVersion.split("/")[0] : ""}/${kind}`;
}

/** An annotation `pulumi.com/<name>`. */
export function annotation(object: Properties, name: string): string | undefined {
  const { metadata } = object;
  const annotations = isObject(metadata) ? metadata["annotations"] : undefined;
  const value = isObject(annotations) ? annotations[`pulumi.com/${name}`] : undefined;
  return value === undefined ? undefined : String(value);
}

/**
 * Who owns the fields that we apply: a name of its own for each resource, so that a renamed resource does not take
 * another's object for its own.
 */
export function fieldManagerOf(urn: string, inputs: Properties, outputs: Properties = {}): string {
  const recorded = outputs[FIELD_MANAGER];
  const suffix = createHash("sha256").update(urn).digest("hex").slice(0, 8);
  return (
    annotation(inputs, "patchFieldManager") ??
    (typeof recorded === "string" ? recorded : `pulumi-kubernetes-${suffix}`)
  );
}

/** True when the object was applied under this name. */
export function isManagedBy(live: Manifest, fieldManager: string): boolean {
  const managers = live.metadata.managedFields ?? [];
  return managers.some(({ manager, operation }) => manager === fieldManager && operation === "Apply");
}

/** The SDK's names cannot have hyphens: `x-kubernetes-…` of a CRD's schema is `x_kubernetes_…` there. */
function renamed(value: unknown, pattern: RegExp, rename: (key: string) => string): unknown {
  return rebuild(value, (part) => {
    if (!isObject(part) || !Object.keys(part).some((key) => pattern.test(key))) return undefined;
    const entries = Object.entries(part).map(([key, item]): [string, unknown] => [
      pattern.test(key) ? rename(key) : key,
      renamed(item, pattern, rename),
    ]);
    return Object.fromEntries(entries);
  });
}
