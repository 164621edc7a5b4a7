/** Who stays when memory is short, and who is moved to make room. */
import type { KubeObject } from "./objects.ts";

/** Far below Kubernetes' own classes (2,000,000,000), above pods without a class (0). */
const CLASSES = {
  "gardenos-data": { value: 1_000_000, description: "Databases: the last ones to go" },
  "gardenos-platform": { value: 900_000, description: "Ingress, metrics, storage" },
  "gardenos-apps": { value: 100_000, description: "Applications" },
} as const;

type Priority = keyof typeof CLASSES;

export function priorityClasses(): KubeObject[] {
  return Object.entries(CLASSES).map(([name, { value, description }]) => ({
    apiVersion: "scheduling.k8s.io/v1",
    kind: "PriorityClass",
    metadata: { name, labels: { "app.kubernetes.io/part-of": "gardenos" } },
    value,
    description,
  }));
}

/** Class of the platform's own pods. */
export const PLATFORM: Priority = "gardenos-platform";

/** Class of databases and of what leads to them. */
export const DATA: Priority = "gardenos-data";
