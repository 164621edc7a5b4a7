/** The program's namespaces, and which of them are exempt from Pod Security's level `restricted`. */

/** Level of Pod Security that the API server enforces. `baseline` would fit none of the exempt ones. */
type PodSecurity = "restricted" | "privileged";

export interface NamespacePlan {
  readonly name: string;
  /** Layer that brings it, see `gardenos:profile`. */
  readonly profile: "kubernetes" | "full";
  readonly podSecurity: PodSecurity;
  /** Why it is exempt; those that are not have none. At most five may have one. */
  readonly exemptBecause?: string;
  /** The ingress controller serves Ingresses of this namespace, and reads its Secrets for that. */
  readonly ingress: boolean;
}

export const NAMESPACES = {
  apps: { name: "apps", profile: "kubernetes", podSecurity: "restricted", ingress: true },
  system: { name: "gardenos-system", profile: "full", podSecurity: "restricted", ingress: false },
  ingress: {
    name: "gardenos-ingress",
    profile: "full",
    podSecurity: "privileged",
    exemptBecause: "Traefik listens on host ports, which `baseline` forbids as well",
    ingress: false,
  },
  storage: {
    name: "gardenos-storage",
    profile: "full",
    podSecurity: "privileged",
    exemptBecause: "the provisioner's helper pods mount a directory of the node to make and remove volumes",
    ingress: false,
  },
  postgres: { name: "postgres-cluster", profile: "full", podSecurity: "restricted", ingress: false },
  supabase: { name: "supabase", profile: "full", podSecurity: "restricted", ingress: true },
  certificates: { name: "cert-manager", profile: "full", podSecurity: "restricted", ingress: false },
} as const satisfies Record<string, NamespacePlan>;

/** Namespaces of a stack, in the table's order. The controller's own is left out where there is none. */
export function namespaces(stack: {
  readonly profile: "hosts" | "kubernetes" | "full";
  readonly ingress: { readonly class: "traefik" | "none" };
  /** There is Supabase. */
  readonly supabase: boolean;
  readonly tls: "internal-ca" | "acme";
}): readonly NamespacePlan[] {
  return Object.values<NamespacePlan>(NAMESPACES).filter(({ name, profile }) => {
    if (stack.profile === "hosts" || (profile === "full" && stack.profile !== "full")) return false;
    if (name === NAMESPACES.ingress.name) return stack.ingress.class === "traefik";
    if (name === NAMESPACES.certificates.name) return stack.tls === "acme";
    return name !== NAMESPACES.supabase.name || stack.supabase;
  });
}
