/** Namespaces with the Pod Security level that the API server enforces in them. */
import type { NamespacePlan } from "../../plan/namespaces.ts";
import type { KubeObject } from "./objects.ts";

/** On a namespace: the ingress controller serves it. On a pod: the controller may connect to it. */
export const INGRESS_LABEL = { "gardenos/ingress": "true" } as const;

/** On a pod in a namespace of the program: it may connect to the database's pooler. */
export const DATABASE_LABEL = { "gardenos/database": "true" } as const;

/**
 * One namespace. Warnings follow the enforced level, so that what is allowed is quiet; the audit log shows
 * everything that is not `restricted`, exempt or not.
 * @param version rules of this Kubernetes minor, `v1.36`: an upgrade does not tighten them by surprise
 */
export function namespaceObject({ name, podSecurity, ingress }: NamespacePlan, version: string): KubeObject {
  const mode = (key: string, level: string) => ({
    [`pod-security.kubernetes.io/${key}`]: level,
    [`pod-security.kubernetes.io/${key}-version`]: version,
  });
  return {
    apiVersion: "v1",
    kind: "Namespace",
    metadata: {
      name,
      labels: {
        "app.kubernetes.io/part-of": "gardenos",
        ...mode("enforce", podSecurity),
        ...mode("warn", podSecurity),
        ...mode("audit", "restricted"),
        ...(ingress && INGRESS_LABEL),
      },
    },
  };
}
