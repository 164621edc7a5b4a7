/** metrics-server: what `kubectl top` and autoscalers read. Verified TLS on both of its sides. */
import type * as pulumi from "@pulumi/pulumi";
import type { Quantity } from "../../lib/quantity.ts";
import { NAMESPACES } from "../../plan/namespaces.ts";
import type { Container, KubeObject, PodSpec } from "../kubernetes/objects.ts";
import {
  clusterRole,
  clusterRoleBinding,
  disruptionBudget,
  labels,
  RESTRICTED_CONTAINER,
  RESTRICTED_POD,
  resources,
  SOON_ELSEWHERE,
  selector,
  serviceAccount,
} from "../kubernetes/pods.ts";
import { PLATFORM } from "../kubernetes/priorities.ts";

export interface MetricsServerConfig {
  readonly image: string;
  readonly memory: Quantity;
  readonly replicas: number;
  /** All base64. */
  readonly tls: {
    /** Authority of its serving certificate: the API server verifies by it. */
    readonly ca: pulumi.Input<string>;
    readonly cert: pulumi.Input<string>;
    readonly key: pulumi.Input<string>;
  };
}

const NAME = "metrics-server";
const NAMESPACE = NAMESPACES.system.name;
const ACCOUNT = { namespace: NAMESPACE, name: NAME };
const GROUP = "metrics.k8s.io";

/** Port of its pods. */
export const METRICS_SERVER_PORT = 10250;

/** Name in its serving certificate. */
export const METRICS_SERVER_DNS = `${NAME}.${NAMESPACE}.svc`;

/** Its own rights are nodes' metrics; the others are what every aggregated API needs to know its callers. */
function access(): KubeObject[] {
  const aggregate = (role: string) => [`rbac.authorization.k8s.io/aggregate-to-${role}`, "true"] as const;
  const read = ["get", "list", "watch"];
  const apiGroup = "rbac.authorization.k8s.io";
  return [
    serviceAccount(NAMESPACE, NAME),
    clusterRole(
      "system:aggregated-metrics-reader",
      [{ apiGroups: [GROUP], resources: ["pods", "nodes"], verbs: read }],
      Object.fromEntries(["view", "edit", "admin"].map(aggregate)),
    ),
    clusterRole("system:metrics-server", [
      { apiGroups: [""], resources: ["nodes/metrics"], verbs: ["get"] },
      { apiGroups: [""], resources: ["pods", "nodes"], verbs: read },
    ]),
    clusterRoleBinding("system:metrics-server", "system:metrics-server", ACCOUNT),
    clusterRoleBinding("metrics-server:system:auth-delegator", "system:auth-delegator", ACCOUNT),
    {
      apiVersion: `${apiGroup}/v1`,
      kind: "RoleBinding",
      metadata: { name: "metrics-server-auth-reader", namespace: "kube-system", labels: labels(NAME) },
      roleRef: { apiGroup, kind: "Role", name: "extension-apiserver-authentication-reader" },
      subjects: [{ kind: "ServiceAccount", ...ACCOUNT }],
    },
  ];
}

function container({ image, memory }: MetricsServerConfig): Container {
  const probe = (path: string, periodSeconds: number) => ({
    httpGet: { path, port: "https", scheme: "HTTPS" },
    periodSeconds,
    failureThreshold: 3,
    timeoutSeconds: 2,
  });
  return {
    name: NAME,
    image,
    args: [
      `--secure-port=${METRICS_SERVER_PORT}`,
      "--tls-cert-file=/etc/metrics-server/tls.crt",
      "--tls-private-key-file=/etc/metrics-server/tls.key",
      // K3s signs kubelets' certificates with the authority of its API server, which every pod is given.
      "--kubelet-certificate-authority=/var/run/secrets/kubernetes.io/serviceaccount/ca.crt",
      "--kubelet-preferred-address-types=InternalIP",
      "--kubelet-use-node-status-port",
      "--metric-resolution=15s",
    ],
    ports: [{ name: "https", containerPort: METRICS_SERVER_PORT }],
    startupProbe: { ...probe("/livez", 1), failureThreshold: 60 },
    // Ready means that it has read metrics twice, so this takes half a minute.
    readinessProbe: probe("/readyz", 5),
    livenessProbe: probe("/livez", 10),
    resources: resources("50m", memory),
    securityContext: RESTRICTED_CONTAINER,
    volumeMounts: [{ name: "tls", mountPath: "/etc/metrics-server", readOnly: true }],
  };
}

const pod = (config: MetricsServerConfig): PodSpec => ({
  ...RESTRICTED_POD,
  automountServiceAccountToken: true,
  serviceAccountName: NAME,
  priorityClassName: PLATFORM,
  tolerations: SOON_ELSEWHERE,
  affinity: {
    podAntiAffinity: {
      requiredDuringSchedulingIgnoredDuringExecution: [
        { labelSelector: { matchLabels: selector(NAME) }, topologyKey: "kubernetes.io/hostname" },
      ],
    },
  },
  containers: [container(config)],
  volumes: [{ name: "tls", secret: { secretName: NAME, defaultMode: 0o440 } }],
});

/** Everything of metrics-server but its policy. */
export function metricsServer(config: MetricsServerConfig): KubeObject[] {
  const metadata = { name: NAME, namespace: NAMESPACE, labels: labels(NAME) };
  const { ca, cert, key } = config.tls;
  return [
    ...access(),
    {
      apiVersion: "v1",
      kind: "Secret",
      metadata,
      type: "kubernetes.io/tls",
      data: { "tls.crt": cert, "tls.key": key },
    },
    {
      apiVersion: "apps/v1",
      kind: "Deployment",
      metadata,
      spec: {
        replicas: config.replicas,
        selector: { matchLabels: selector(NAME) },
        // One a node: with as many pods as nodes there is no place for a third one.
        strategy: { type: "RollingUpdate", rollingUpdate: { maxUnavailable: 1, maxSurge: 0 } },
        template: { metadata: { labels: labels(NAME) }, spec: pod(config) },
      },
    },
    disruptionBudget(NAMESPACE, NAME),
    {
      apiVersion: "v1",
      kind: "Service",
      metadata,
      spec: {
        selector: selector(NAME),
        ports: [{ name: "https", port: 443, targetPort: "https", protocol: "TCP" }],
      },
    },
    {
      apiVersion: "apiregistration.k8s.io/v1",
      kind: "APIService",
      metadata: { name: `v1beta1.${GROUP}`, labels: labels(NAME) },
      spec: {
        group: GROUP,
        version: "v1beta1",
        groupPriorityMinimum: 100,
        versionPriority: 100,
        service: { name: NAME, namespace: NAMESPACE, port: 443 },
        caBundle: ca,
      },
    },
  ];
}
