/** Pulumi's unique resource names: `urn:pulumi:<stack>::<project>::<parent types$type>::<name>`. */

/** Type of the root component that the SDK makes for every program. */
export const STACK_TYPE = "pulumi:pulumi:Stack";
const PROVIDER_PREFIX = "pulumi:providers:";

/** What a URN is made of. */
export interface UrnParts {
  readonly stack: string;
  readonly project: string;
  /** URN of the parent; the stack's or none adds nothing to the qualified type. */
  readonly parent?: string | undefined;
  readonly type: string;
  readonly name: string;
}

/** Builds a URN as the real engine does. */
export function makeUrn({ stack, project, parent, type, name }: UrnParts): string {
  const parentTypes = parent === undefined ? "" : qualifiedType(parent);
  const qualified = parentTypes === "" || parentTypes === STACK_TYPE ? type : `${parentTypes}$${type}`;
  return `urn:pulumi:${stack}::${project}::${qualified}::${name}`;
}

function qualifiedType(urn: string): string {
  return urn.split("::")[2] ?? "";
}

/** The resource's own type token. */
export function typeOf(urn: string): string {
  return qualifiedType(urn).split("$").at(-1) ?? "";
}

/** The logical name: everything after the third `::`. */
export function nameOf(urn: string): string {
  return urn.split("::").slice(3).join("::");
}

/** The package that a type token belongs to; for a provider resource the package it provides. */
export function packageOf(type: string): string {
  return (isProviderType(type) ? type.slice(PROVIDER_PREFIX.length) : type.split(":")[0]) ?? "";
}

/** True for `pulumi:providers:<package>`. */
export function isProviderType(type: string): boolean {
  return type.startsWith(PROVIDER_PREFIX);
}

/** Type and name of the provider that a resource without an explicit one gets. */
export function defaultProviderName(pkg: string, version: string): { type: string; name: string } {
  const suffix = version === "" ? "" : `_${version.replace(/[.+-]/g, "_")}`;
  return { type: `${PROVIDER_PREFIX}${pkg}`, name: `default${suffix}` };
}

/** The URN in a provider reference `<urn>::<id>`. */
export function providerUrn(reference: string): string {
  return reference.slice(0, reference.lastIndexOf("::"));
}

/** The stack and default providers are the engine's own business: they are in the state but not in plans and counts. */
export function isHidden(urn: string): boolean {
  const type = typeOf(urn);
  return type === STACK_TYPE || (isProviderType(type) && /^default(_|$)/.test(nameOf(urn)));
}
