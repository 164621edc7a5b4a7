/**
 * What is compared of an engine's state: everything the engine decides about a resource, without secrets and
 * without values that differ from run to run. Pure; the recorder and the test share it.
 */
import { z } from "zod";
import { isObject, isSecret, rebuild } from "../../lab/engine/wire.ts";

const properties = z.record(z.string(), z.unknown());
const urns = z.array(z.string()).default([]);

/** A resource as `pulumi stack export` and the built-in engine's state have it, secrets open or sealed. */
const stateResource = z.object({
  urn: z.string(),
  type: z.string(),
  custom: z.boolean(),
  id: z.string().default(""),
  parent: z.string().default(""),
  provider: z.string().default(""),
  inputs: properties.default({}),
  outputs: properties.default({}),
  dependencies: urns,
  propertyDependencies: z.record(z.string(), urns).default({}),
  protect: z.boolean().default(false),
  deletedWith: z.string().default(""),
  retainOnDelete: z.boolean().default(false),
  additionalSecretOutputs: urns,
  ignoreChanges: urns,
  replaceOnChanges: urns,
});
type StateResource = z.infer<typeof stateResource>;

const outputMark = z.enum(["plain", "secret", "null"]);

/** A resource as it is compared. Lists whose order means nothing are sorted. */
export const comparedResource = z.object({
  type: z.string(),
  custom: z.boolean(),
  /** Its form; empty for components and providers. */
  id: z.string().default(""),
  parent: z.string().default(""),
  /** URN of the provider. */
  provider: z.string().default(""),
  protect: z.boolean().default(false),
  deletedWith: z.string().default(""),
  retainOnDelete: z.boolean().default(false),
  inputs: properties.default({}),
  /** Which outputs there are, and which of them are secret. */
  outputs: z.record(z.string(), outputMark).default({}),
  dependencies: urns,
  propertyDependencies: z.record(z.string(), urns).default({}),
  additionalSecretOutputs: urns,
  ignoreChanges: urns,
  replaceOnChanges: urns,
});
type ComparedResource = z.infer<typeof comparedResource>;

/** By URN. */
export type ComparedState = Readonly<Record<string, ComparedResource>>;

/** Shortest id that is taken for one where it appears in inputs; shorter ones may be ordinary words and numbers. */
const SHORTEST_ID = 5;

/** Reduces a state to what is compared. */
export function comparedState(resources: readonly unknown[]): ComparedState {
  const parsed = resources.map((resource) => stateResource.parse(resource));
  const owners = new Map(
    parsed.filter(({ id }) => id.length >= SHORTEST_ID).map(({ id, urn }) => [id, lastName(urn)]),
  );
  const entries = parsed.map((resource) => [resource.urn, compared(resource, owners)] as const);
  return Object.fromEntries(entries.sort(([one], [other]) => (one < other ? -1 : 1)));
}

function compared(resource: StateResource, owners: ReadonlyMap<string, string>): ComparedResource {
  const { type, custom, parent, protect, deletedWith, retainOnDelete } = resource;
  const isProvider = type.startsWith("pulumi:providers:");
  return {
    type,
    custom,
    id: isProvider ? "" : idForm(resource.id),
    parent,
    provider: resource.provider.split("::").slice(0, 4).join("::"),
    protect,
    deletedWith,
    retainOnDelete,
    inputs: mapValues(resource.inputs, (value) => lasting(value, owners)),
    outputs: mapValues(resource.outputs, markOf),
    dependencies: sorted(resource.dependencies),
    propertyDependencies: mapValues(resource.propertyDependencies, sorted),
    additionalSecretOutputs: sorted(resource.additionalSecretOutputs),
    ignoreChanges: sorted(resource.ignoreChanges),
    replaceOnChanges: sorted(resource.replaceOnChanges),
  };
}

/** The form of an id: `<number>`, `<number>-10.0.1.0/24`, `<sha1>`, `n1-baseline<hex>`. */
function idForm(id: string): string {
  return id
    .replace(/^[0-9a-f]{40}$/, "<sha1>")
    .replace(/(?<![\w.])\d{5,}(?![\w.])/g, "<number>")
    .replace(/[0-9a-f]{8}$/, "<hex>");
}

/** The value with placeholders for what is secret, and for what is another one on each run. */
function lasting(value: unknown, owners: ReadonlyMap<string, string>): unknown {
  return rebuild(value, (part) => {
    if (isSecret(part)) return { secret: true };
    if (typeof part === "number") return numberName(part, owners);
    return typeof part === "string" ? textName(part, owners) : undefined;
  });
}

function numberName(value: number, owners: ReadonlyMap<string, string>): string | undefined {
  const owner = owners.get(String(value));
  return owner && `<id of ${owner}, a number>`;
}

/** Scripts and rendered files are the program's business, and golden files watch over them. */
function textName(text: string, owners: ReadonlyMap<string, string>): string {
  const owner = owners.get(text);
  if (owner) return `<id of ${owner}>`;
  const [, pem] = /^-----BEGIN ([A-Z ]+)-----/.exec(text) ?? [];
  if (pem) return `<PEM ${pem}>`;
  if (text.startsWith("ssh-ed25519 ")) return "<SSH public key>";
  return text.includes("\n") ? "<text>" : text;
}

function markOf(value: unknown): z.infer<typeof outputMark> {
  if (value === null) return "null";
  return isObject(value) && isSecret(value) ? "secret" : "plain";
}

function mapValues<From, To>(
  values: Readonly<Record<string, From>>,
  change: (value: From) => To,
): Record<string, To> {
  const entries = Object.entries(values).map(([key, value]) => [key, change(value)] as const);
  return Object.fromEntries(entries.sort(([one], [other]) => (one < other ? -1 : 1)));
}

const sorted = (values: readonly string[]): string[] => [...values].sort();

const lastName = (urn: string): string => urn.split("::").slice(2).join(" ");
