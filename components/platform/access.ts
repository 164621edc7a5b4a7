/** What people may do. */
import { ADMIN_GROUP } from "../../plan/access.ts";
import type { KubeObject } from "../kubernetes/objects.ts";

/**
 * Makes administrators of a group. A certificate can't be called back before it expires; this binding can. The
 * program itself does not depend on it.
 */
export function adminAccess(): KubeObject[] {
  const apiGroup = "rbac.authorization.k8s.io";
  return [
    {
      apiVersion: `${apiGroup}/v1`,
      kind: "ClusterRoleBinding",
      metadata: { name: ADMIN_GROUP, labels: { "app.kubernetes.io/part-of": "gardenos" } },
      roleRef: { apiGroup, kind: "ClusterRole", name: "cluster-admin" },
      subjects: [{ apiGroup, kind: "Group", name: ADMIN_GROUP }],
    },
  ];
}
