/** Kubernetes objects as plain values, and the one place that makes resources of them. */
import { APIService } from "@pulumi/kubernetes/apiregistration/v1/apiservice.js";
import { DaemonSet } from "@pulumi/kubernetes/apps/v1/daemonSet.js";
import { Deployment } from "@pulumi/kubernetes/apps/v1/deployment.js";
import { StatefulSet } from "@pulumi/kubernetes/apps/v1/statefulSet.js";
import { HorizontalPodAutoscaler } from "@pulumi/kubernetes/autoscaling/v2/horizontalPodAutoscaler.js";
import { Job } from "@pulumi/kubernetes/batch/v1/job.js";
import { ConfigMap } from "@pulumi/kubernetes/core/v1/configMap.js";
import { Namespace } from "@pulumi/kubernetes/core/v1/namespace.js";
import { PersistentVolume } from "@pulumi/kubernetes/core/v1/persistentVolume.js";
import { Secret } from "@pulumi/kubernetes/core/v1/secret.js";
import { Service } from "@pulumi/kubernetes/core/v1/service.js";
import { ServiceAccount } from "@pulumi/kubernetes/core/v1/serviceAccount.js";
import { Ingress } from "@pulumi/kubernetes/networking/v1/ingress.js";
import { IngressClass } from "@pulumi/kubernetes/networking/v1/ingressClass.js";
import { NetworkPolicy } from "@pulumi/kubernetes/networking/v1/networkPolicy.js";
import { PodDisruptionBudget } from "@pulumi/kubernetes/policy/v1/podDisruptionBudget.js";
import { ClusterRole } from "@pulumi/kubernetes/rbac/v1/clusterRole.js";
import { ClusterRoleBinding } from "@pulumi/kubernetes/rbac/v1/clusterRoleBinding.js";
import { Role } from "@pulumi/kubernetes/rbac/v1/role.js";
import { RoleBinding } from "@pulumi/kubernetes/rbac/v1/roleBinding.js";
import { PriorityClass } from "@pulumi/kubernetes/scheduling/v1/priorityClass.js";
import { StorageClass } from "@pulumi/kubernetes/storage/v1/storageClass.js";
import type {
  apiregistration,
  apps,
  autoscaling,
  batch,
  core,
  networking,
  policy,
  rbac,
  scheduling,
  storage,
} from "@pulumi/kubernetes/types/input.js";
import type * as pulumi from "@pulumi/pulumi";

// One module per class: the package's index would load all of Kubernetes' kinds.
const CLASSES = {
  APIService,
  ClusterRole,
  ClusterRoleBinding,
  ConfigMap,
  DaemonSet,
  Deployment,
  HorizontalPodAutoscaler,
  Ingress,
  IngressClass,
  Job,
  Namespace,
  NetworkPolicy,
  PersistentVolume,
  PodDisruptionBudget,
  PriorityClass,
  Role,
  RoleBinding,
  Secret,
  Service,
  ServiceAccount,
  StatefulSet,
  StorageClass,
};

interface Metadata {
  /** Always given: a generated name would differ from stack to stack. */
  readonly name: string;
  readonly namespace?: string;
  readonly labels?: Readonly<Record<string, string>>;
  readonly annotations?: Readonly<Record<string, string>>;
}

type Of<Kind extends keyof typeof CLASSES, Version extends string, Args> = Omit<
  Args,
  "kind" | "apiVersion" | "metadata" | "status"
> & { readonly apiVersion: Version; readonly kind: Kind; readonly metadata: Metadata };

/** An object as `kubectl` would take it; values that are known later may be outputs. */
export type KubeObject =
  | Of<"APIService", "apiregistration.k8s.io/v1", apiregistration.v1.APIService>
  | Of<"ClusterRole", "rbac.authorization.k8s.io/v1", rbac.v1.ClusterRole>
  | Of<"ClusterRoleBinding", "rbac.authorization.k8s.io/v1", rbac.v1.ClusterRoleBinding>
  | Of<"ConfigMap", "v1", core.v1.ConfigMap>
  | Of<"DaemonSet", "apps/v1", apps.v1.DaemonSet>
  | Of<"Deployment", "apps/v1", apps.v1.Deployment>
  | Of<"HorizontalPodAutoscaler", "autoscaling/v2", autoscaling.v2.HorizontalPodAutoscaler>
  | Of<"Ingress", "networking.k8s.io/v1", networking.v1.Ingress>
  | Of<"IngressClass", "networking.k8s.io/v1", networking.v1.IngressClass>
  | Of<"Job", "batch/v1", batch.v1.Job>
  | Of<"Namespace", "v1", core.v1.Namespace>
  | Of<"NetworkPolicy", "networking.k8s.io/v1", networking.v1.NetworkPolicy>
  | Of<"PersistentVolume", "v1", core.v1.PersistentVolume>
  | Of<"PodDisruptionBudget", "policy/v1", policy.v1.PodDisruptionBudget>
  | Of<"PriorityClass", "scheduling.k8s.io/v1", scheduling.v1.PriorityClass>
  | Of<"Role", "rbac.authorization.k8s.io/v1", rbac.v1.Role>
  | Of<"RoleBinding", "rbac.authorization.k8s.io/v1", rbac.v1.RoleBinding>
  | Of<"Secret", "v1", core.v1.Secret>
  | Of<"Service", "v1", core.v1.Service>
  | Of<"ServiceAccount", "v1", core.v1.ServiceAccount>
  | Of<"StatefulSet", "apps/v1", apps.v1.StatefulSet>
  | Of<"StorageClass", "storage.k8s.io/v1", storage.v1.StorageClass>;

/** A pod's template, inside of what keeps it running. */
export type PodSpec = core.v1.PodSpec;
export type Container = core.v1.Container;
export type NetworkPolicySpec = networking.v1.NetworkPolicySpec;
export type PolicyRule = rbac.v1.PolicyRule;

/** True for what runs pods. */
export const isWorkload = ({ kind }: KubeObject): boolean =>
  ["DaemonSet", "Deployment", "Job", "StatefulSet"].includes(kind);

type Constructor = new (
  name: string,
  args: KubeObject,
  opts: pulumi.CustomResourceOptions,
) => pulumi.CustomResource;

/** Makes the resource; named `<namespace>/<name>` like the object itself, the type tells kinds apart. */
export function createObject(object: KubeObject, opts: pulumi.CustomResourceOptions): pulumi.CustomResource {
  const { namespace, name } = object.metadata;
  const create = CLASSES[object.kind] as Constructor;
  // A volume's data outlives the program's interest in it; and one that a claim holds would never go away.
  const retainOnDelete = object.kind === "PersistentVolume";
  return new create(namespace === undefined ? name : `${namespace}/${name}`, object, {
    ...opts,
    retainOnDelete,
  });
}
