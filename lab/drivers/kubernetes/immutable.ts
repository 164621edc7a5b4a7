/** What can't be changed in place: the real provider's table, and fields that the API refuses to change. */

import type { Properties } from "../../engine/driver.ts";
import { getAt, parsePath } from "../../engine/paths.ts";
import { groupKind } from "./manifest.ts";
import type { Settings } from "./provider.ts";
import { isSame } from "./values.ts";

const WORKLOAD = ["spec.selector"];
const BINDING = ["roleRef"];

/** Paths by group and kind. A kind that is not there has none but its identity. */
const PATHS: Readonly<Record<string, readonly string[]>> = {
  "apps/Deployment": WORKLOAD,
  "apps/DaemonSet": WORKLOAD,
  "apps/StatefulSet": [
    ...WORKLOAD,
    ...[
      "spec.podManagementPolicy",
      "spec.revisionHistoryLimit",
      "spec.serviceName",
      "spec.volumeClaimTemplates",
    ],
  ],
  "batch/Job": ["spec.completions", "spec.parallelism", "spec.selector", "spec.template"],
  "/Service": ["spec.clusterIP"],
  "/Secret": ["type"],
  "/ResourceQuota": ["spec.scopes"],
  "/PersistentVolume": ["spec.csi", "spec.hostPath", "spec.local", "spec.nfs", "spec.nodeAffinity"],
  "/PersistentVolumeClaim": ["accessModes", "selector", "storageClassName", "volumeName", "volumeMode"].map(
    (field) => `spec.${field}`,
  ),
  "/Pod": ["spec"],
  "rbac.authorization.k8s.io/RoleBinding": BINDING,
  "rbac.authorization.k8s.io/ClusterRoleBinding": BINDING,
  "storage.k8s.io/StorageClass": ["provisioner", "parameters", "reclaimPolicy", "volumeBindingMode"],
  "scheduling.k8s.io/PriorityClass": ["value"],
};

/** What the API takes for a field that is not given. */
const ABSENT: Readonly<Record<string, unknown>> = { "metadata.namespace": "default" };

const IDENTITY = ["apiVersion", "kind", "metadata.name", "metadata.namespace"];

type Mutability = Pick<Settings, "enableConfigMapMutable" | "enableSecretMutable">;

/** What holds data: replaced when the data changes, unless the provider says that it may be changed. */
const DATA: Readonly<
  Record<string, { readonly paths: readonly string[]; readonly mutable: keyof Mutability }>
> = {
  "/ConfigMap": { paths: ["data", "binaryData"], mutable: "enableConfigMapMutable" },
  "/Secret": { paths: ["data", "stringData"], mutable: "enableSecretMutable" },
};

/** Paths of the fields that differ and can't be changed in place. */
export function replacedPaths(old: Properties, news: Properties, settings: Mutability): readonly string[] {
  // All of it unknown: as far as one can know now, another name or namespace.
  if (!("metadata" in news)) return ["metadata"];
  const kind = groupKind({ apiVersion: String(news["apiVersion"]), kind: String(news["kind"]) });
  const data = DATA[kind];
  const isFrozen = data !== undefined && (old["immutable"] === true || !settings[data.mutable]);
  const paths = [...IDENTITY, ...(PATHS[kind] ?? []), ...(isFrozen ? data.paths : [])];
  return paths.filter((text) => {
    const path = parsePath(text);
    // What is left out of the new inputs altogether is not known yet, or the API's own choice.
    if (path.length === 1 && !(text in news) && kind !== "/ConfigMap" && kind !== "/Secret") return false;
    const [before, after] = [old, news].map((inputs) => getAt(inputs, path) ?? ABSENT[text]);
    return !isSame(before, after, path);
  });
}
