/** Traefik: the ingress controller, one pod a node, behind the node's HAProxy. Why: docs/adr/0009-ingress-traefik.md. */
import type * as pulumi from "@pulumi/pulumi";
import { stringify } from "yaml";
import type { Quantity } from "../../lib/quantity.ts";
import { NAMESPACES } from "../../plan/namespaces.ts";
import { INGRESS_HOST_PORTS } from "../../plan/ports.ts";
import type { Container, KubeObject, PodSpec } from "../kubernetes/objects.ts";
import {
  clusterRole,
  clusterRoleBinding,
  disruptionBudget,
  KEEP_SECONDS,
  labels,
  namespacedRights,
  RESTRICTED_CONTAINER,
  RESTRICTED_POD,
  resources,
  selector,
  serviceAccount,
} from "../kubernetes/pods.ts";
import { PLATFORM } from "../kubernetes/priorities.ts";

/** Where clients outside find the ingress: it is what every Ingress shows as its address. */
export interface EntryAddress {
  readonly kind: "ip" | "hostname";
  readonly value: pulumi.Input<string>;
}

export interface TraefikConfig {
  readonly image: string;
  readonly memory: Quantity;
  readonly httpsOnly: boolean;
  /** Of one client address; 0 is no limit. */
  readonly requestsPerSecond: number;
  readonly entry: EntryAddress;
  /** Private addresses of all nodes; the only ones whose PROXY header is believed. */
  readonly nodeIps: readonly string[];
  /** Namespaces whose Ingresses are served. */
  readonly namespaces: readonly string[];
}

const NAME = "traefik";
const NAMESPACE = NAMESPACES.ingress.name;
const ACCOUNT = { namespace: NAMESPACE, name: NAME };
const METRICS_PORT = 9100;
/** Above every other route. */
const PING_PRIORITY = 1_000_000;

/** Seconds. HAProxy needs two checks, two seconds apart, to see that a pod is about to stop. */
const GRACE = { accept: 10, requests: 30, kill: 45 } as const;

/** The port that clients know, not the entry point's own; below the priority of the health page. */
const TO_HTTPS = ["to=:443", "scheme=https", "permanent=true", `priority=${PING_PRIORITY - 1}`].map(
  (setting) => `--entryPoints.web.http.redirections.entryPoint.${setting}`,
);

/** A pod that can be reached answers at once: its node's kernel does. Clients take turns, so a retry may meet the lost pod again. */
const CONNECT_MS = 300;
const ATTEMPTS = 5;

const HSTS_SECONDS = 365 * 24 * 3600;

/** What every request by HTTPS goes through, by name. */
const middlewaresOf = ({ httpsOnly, requestsPerSecond: average }: TraefikConfig) => ({
  ...(httpsOnly && { hsts: { headers: { stsSeconds: HSTS_SECONDS } } }),
  ...(average > 0 && { "rate-limit": { rateLimit: { average, burst: 2 * average } } }),
  // Only what no pod has seen yet is sent to another one: the pod of a lost node is in the list for up to 45 s.
  "another-pod": { retry: { attempts: ATTEMPTS } },
});

/** Static configuration, as arguments: one line per setting in a diff, and no second place to look. */
function traefikArguments(config: TraefikConfig): string[] {
  const { entry, nodeIps, namespaces, httpsOnly } = config;
  const middlewares = Object.keys(middlewaresOf(config)).map((name) => `${name}@file`);
  const entryPoint = (name: string, port: number) =>
    [
      `address=:${port}`,
      "asDefault=true",
      `proxyProtocol.trustedIPs=${nodeIps.join(",")}`,
      `transport.lifeCycle.requestAcceptGraceTimeout=${GRACE.accept}s`,
      `transport.lifeCycle.graceTimeOut=${GRACE.requests}s`,
      // The time for a whole request: a minute, Traefik's default, would cut off larger uploads.
      "transport.respondingTimeouts.readTimeout=300s",
      "transport.respondingTimeouts.idleTimeout=180s",
    ].map((setting) => `--entryPoints.${name}.${setting}`);
  return [
    "--global.checkNewVersion=false",
    "--global.sendAnonymousUsage=false",
    "--log.level=INFO",
    "--log.format=json",
    ...entryPoint("web", INGRESS_HOST_PORTS.http),
    ...entryPoint("websecure", INGRESS_HOST_PORTS.https),
    "--entryPoints.websecure.http.tls=true",
    ...(httpsOnly ? TO_HTTPS : []),
    `--entryPoints.websecure.http.middlewares=${middlewares.join(",")}`,
    `--serversTransport.forwardingTimeouts.dialTimeout=${CONNECT_MS}ms`,
    `--serversTransport.forwardingTimeouts.idleConnTimeout=${KEEP_SECONDS}s`,
    // The name is Traefik's own for what is internal: no router of an Ingress is ever attached to it.
    `--entryPoints.traefik.address=:${METRICS_PORT}`,
    "--metrics.prometheus=true",
    "--metrics.prometheus.entryPoint=traefik",
    "--ping=true",
    "--ping.manualRouting=true",
    // HAProxy takes 404 as "no new connections, keep the old ones".
    "--ping.terminatingStatusCode=404",
    "--providers.file.directory=/etc/traefik/dynamic",
    "--providers.kubernetesIngress=true",
    "--providers.kubernetesIngress.ingressClass=traefik",
    `--providers.kubernetesIngress.namespaces=${namespaces.join(",")}`,
    `--providers.kubernetesIngress.ingressEndpoint.${entry.kind}=$(ENTRY_ADDRESS)`,
  ];
}

/** The health page answers to the host name `ping` only: no application loses its own path `/ping`. */
function dynamicConfig(config: TraefikConfig): string {
  const ping = {
    rule: "Host(`ping`) && Path(`/ping`)",
    entryPoints: ["web"],
    service: "ping@internal",
    priority: PING_PRIORITY,
  };
  return stringify({ http: { routers: { ping }, middlewares: middlewaresOf(config) } });
}

/** Ingresses and what they name, in the namespaces that are served; Secrets of no other one. */
function access(namespaces: readonly string[]): KubeObject[] {
  const verbs = ["list", "watch"];
  return [
    serviceAccount(NAMESPACE, NAME),
    clusterRole("gardenos:traefik", [
      { apiGroups: ["networking.k8s.io"], resources: ["ingressclasses"], verbs },
      { apiGroups: [""], resources: ["nodes"], verbs },
    ]),
    clusterRoleBinding("gardenos:traefik", "gardenos:traefik", ACCOUNT),
    ...namespaces.flatMap((namespace) =>
      namespacedRights(namespace, ACCOUNT, [
        { apiGroups: [""], resources: ["services", "secrets"], verbs },
        { apiGroups: ["discovery.k8s.io"], resources: ["endpointslices"], verbs },
        { apiGroups: ["networking.k8s.io"], resources: ["ingresses"], verbs },
        { apiGroups: ["networking.k8s.io"], resources: ["ingresses/status"], verbs: ["update"] },
      ]),
    ),
  ];
}

function container(config: TraefikConfig): Container {
  const ping = (periodSeconds: number, failureThreshold: number) => ({
    httpGet: { path: "/ping", port: "web", httpHeaders: [{ name: "Host", value: "ping" }] },
    periodSeconds,
    failureThreshold,
    timeoutSeconds: 2,
  });
  return {
    name: NAME,
    image: config.image,
    args: traefikArguments(config),
    env: [{ name: "ENTRY_ADDRESS", value: config.entry.value }],
    ports: [
      { name: "web", containerPort: INGRESS_HOST_PORTS.http, hostPort: INGRESS_HOST_PORTS.http },
      { name: "websecure", containerPort: INGRESS_HOST_PORTS.https, hostPort: INGRESS_HOST_PORTS.https },
      { name: "metrics", containerPort: METRICS_PORT },
    ],
    startupProbe: ping(1, 60),
    readinessProbe: ping(5, 2),
    livenessProbe: ping(10, 3),
    resources: resources("100m", config.memory),
    securityContext: RESTRICTED_CONTAINER,
    volumeMounts: [
      { name: "dynamic", mountPath: "/etc/traefik/dynamic", readOnly: true },
      { name: "tmp", mountPath: "/tmp" },
    ],
  };
}

const pod = (config: TraefikConfig): PodSpec => ({
  ...RESTRICTED_POD,
  automountServiceAccountToken: true,
  serviceAccountName: NAME,
  priorityClassName: PLATFORM,
  terminationGracePeriodSeconds: GRACE.kill,
  containers: [container(config)],
  volumes: [
    { name: "dynamic", configMap: { name: NAME } },
    { name: "tmp", emptyDir: { sizeLimit: "64Mi" } },
  ],
});

/** Everything of the controller but its policy. */
export function traefik(config: TraefikConfig): KubeObject[] {
  const metadata = { name: NAME, namespace: NAMESPACE, labels: labels(NAME) };
  return [
    ...access(config.namespaces),
    {
      apiVersion: "networking.k8s.io/v1",
      kind: "IngressClass",
      metadata: {
        name: "traefik",
        labels: labels(NAME),
        annotations: { "ingressclass.kubernetes.io/is-default-class": "true" },
      },
      spec: { controller: "traefik.io/ingress-controller" },
    },
    { apiVersion: "v1", kind: "ConfigMap", metadata, data: { "dynamic.yaml": dynamicConfig(config) } },
    {
      apiVersion: "apps/v1",
      kind: "DaemonSet",
      metadata,
      spec: {
        selector: { matchLabels: selector(NAME) },
        // The host ports are taken until the old pod is gone, so no surge.
        updateStrategy: { type: "RollingUpdate", rollingUpdate: { maxUnavailable: 1, maxSurge: 0 } },
        minReadySeconds: 5,
        template: { metadata: { labels: labels(NAME) }, spec: pod(config) },
      },
    },
    disruptionBudget(NAMESPACE, NAME, config.nodeIps.length),
  ];
}
