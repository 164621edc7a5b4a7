/** What every pod of the program has in common: labels, rights, resources. */
import type { Quantity } from "../../lib/quantity.ts";
import type { Container, KubeObject, PodSpec, PolicyRule } from "./objects.ts";

/** Selects the pods of a workload. */
export const selector = (name: string) => ({ "app.kubernetes.io/name": name });

export const labels = (name: string) => ({ ...selector(name), "app.kubernetes.io/part-of": "gardenos" });

/** User and group of the program's own pods; the images bring nothing that needs another one. */
export const USER = 65532;

/** Pod Security's level `restricted`, and a token only for those that ask. */
export const RESTRICTED_POD = {
  automountServiceAccountToken: false,
  enableServiceLinks: false,
  securityContext: {
    runAsNonRoot: true,
    runAsUser: USER,
    runAsGroup: USER,
    fsGroup: USER,
    seccompProfile: { type: "RuntimeDefault" },
  },
} as const satisfies Omit<PodSpec, "containers">;

export const RESTRICTED_CONTAINER = {
  allowPrivilegeEscalation: false,
  readOnlyRootFilesystem: true,
  capabilities: { drop: ["ALL"] },
} satisfies Container["securityContext"];

/** Memory is not shared, so request and limit are the same; CPU is, and a limit would only slow things down. */
export const resources = (cpu: string, memory: Quantity) => ({
  requests: { cpu, memory },
  limits: { memory },
});

/** Variables of a container as they stand: Kubernetes would take `$(NAME)` for another variable and `$$` for a dollar. */
export const plainVariables = (values: Readonly<Record<string, string | number>>) =>
  Object.entries(values).map(([name, value]) => ({ name, value: String(value).replaceAll("$", "$$$$") }));

/** Moves a pod off a lost node after half a minute; Kubernetes would wait for five. */
export const SOON_ELSEWHERE: PodSpec["tolerations"] = ["not-ready", "unreachable"].map((condition) => ({
  key: `node.kubernetes.io/${condition}`,
  operator: "Exists",
  effect: "NoExecute",
  tolerationSeconds: 30,
}));

/**
 * Names are asked for again after a second, not after five: a question that a node took with it is not answered, and clients come
 * back that much later. For pods that must be back soon after the loss of a node.
 */
export const ASK_AGAIN_SOON: PodSpec["dnsConfig"] = {
  options: [
    { name: "timeout", value: "1" },
    { name: "attempts", value: "2" },
  ],
};

/**
 * Seconds that a pod still answers after it was told to stop: until then no proxy sends it anything new. Five were not enough for an
 * ingress controller on a node without a free processor: one of 3,171 requests of a rotation was answered 502.
 */
export const FORGET_SECONDS = 10;

/** Waits so long before the pod is told. */
export const UNTIL_FORGOTTEN: Container["lifecycle"] = { preStop: { sleep: { seconds: FORGET_SECONDS } } };

/**
 * Seconds that a proxy keeps a connection to a pod that nobody uses. One to the pod of a lost node looks like any other, and what is sent by it
 * is lost. Shorter than what servers wait before they close one that is about to be used, too: uvicorn and Node 5 s.
 */
export const KEEP_SECONDS = 1;

/** Pods of a workload prefer nodes that have none of it yet. */
export const apart = (name: string): PodSpec["topologySpreadConstraints"] => [
  {
    maxSkew: 1,
    topologyKey: "kubernetes.io/hostname",
    whenUnsatisfiable: "ScheduleAnyway",
    labelSelector: { matchLabels: selector(name) },
  },
];

/**
 * Planned work may take one pod of a workload away at a time.
 * @param pods how many a DaemonSet has: it has no scale, so Kubernetes counts pods and refuses maxUnavailable
 */
export function disruptionBudget(namespace: string, name: string, pods?: number): KubeObject {
  const bound = pods === undefined ? { maxUnavailable: 1 } : { minAvailable: pods - 1 };
  return {
    apiVersion: "policy/v1",
    kind: "PodDisruptionBudget",
    metadata: { name, namespace, labels: labels(name) },
    spec: { ...bound, selector: { matchLabels: selector(name) } },
  };
}

/** Every name that pods know a Service by, from short to full. */
export const serviceNames = (namespace: string, name: string): string[] =>
  ["", `.${namespace}`, `.${namespace}.svc`, `.${namespace}.svc.cluster.local`].map(
    (suffix) => name + suffix,
  );

/** Account of a workload. Its token is mounted where the pod says so, and nowhere by default. */
export function serviceAccount(namespace: string, name: string): KubeObject {
  return {
    apiVersion: "v1",
    kind: "ServiceAccount",
    metadata: { name, namespace, labels: labels(name) },
    automountServiceAccountToken: false,
  };
}

const RBAC = "rbac.authorization.k8s.io";

const subjects = (namespace: string, name: string) => [{ kind: "ServiceAccount", name, namespace }];

/** Binds an account to a cluster role. */
export function clusterRoleBinding(
  name: string,
  role: string,
  account: { readonly namespace: string; readonly name: string },
): KubeObject {
  return {
    apiVersion: `${RBAC}/v1`,
    kind: "ClusterRoleBinding",
    metadata: { name, labels: labels(account.name) },
    roleRef: { apiGroup: RBAC, kind: "ClusterRole", name: role },
    subjects: subjects(account.namespace, account.name),
  };
}

/** A cluster role of the program's own. */
export function clusterRole(
  name: string,
  rules: PolicyRule[],
  extraLabels: Readonly<Record<string, string>> = {},
): KubeObject {
  return {
    apiVersion: `${RBAC}/v1`,
    kind: "ClusterRole",
    metadata: { name, labels: { "app.kubernetes.io/part-of": "gardenos", ...extraLabels } },
    rules,
  };
}

/** Rights within one namespace, for an account of that or another one. */
export function namespacedRights(
  namespace: string,
  account: { readonly namespace: string; readonly name: string },
  rules: PolicyRule[],
): KubeObject[] {
  const metadata = { name: account.name, namespace, labels: labels(account.name) };
  return [
    { apiVersion: `${RBAC}/v1`, kind: "Role", metadata, rules },
    {
      apiVersion: `${RBAC}/v1`,
      kind: "RoleBinding",
      metadata,
      roleRef: { apiGroup: RBAC, kind: "Role", name: account.name },
      subjects: subjects(account.namespace, account.name),
    },
  ];
}
