/** Deployments, Services, Ingresses and Secrets in the form that all of the program's have. */
import * as pulumi from "@pulumi/pulumi";
import { base64 } from "./base64.ts";
import type { KubeObject, PodSpec } from "./objects.ts";
import { labels, selector } from "./pods.ts";

export interface DeploymentInput {
  readonly namespace: string;
  readonly name: string;
  /** @default - an autoscaler's business */
  readonly replicas?: number;
  readonly pod: PodSpec;
  /** Another one replaces the pods, one after the other: they read Secrets when they start. */
  readonly configHash?: pulumi.Input<string>;
  /** Of pods, beside those of every workload. */
  readonly podLabels?: Readonly<Record<string, string>>;
  readonly podAnnotations?: Readonly<Record<string, string>>;
  /** @default - a pod more than wanted while a template is replaced, and never one less */
  readonly rollingUpdate?: { readonly maxUnavailable: number; readonly maxSurge: number };
  /** Seconds that a pod must be ready before the next one is replaced. @default 5 */
  readonly minReadySeconds?: number;
}

export function deployment(input: DeploymentInput): KubeObject {
  const { namespace, name, replicas, pod, configHash, podAnnotations } = input;
  const annotations = {
    ...podAnnotations,
    ...(configHash !== undefined && { "gardenos/config": configHash }),
  };
  return {
    apiVersion: "apps/v1",
    kind: "Deployment",
    metadata: { name, namespace, labels: labels(name) },
    spec: {
      ...(replicas !== undefined && { replicas }),
      selector: { matchLabels: selector(name) },
      strategy: {
        type: "RollingUpdate",
        rollingUpdate: input.rollingUpdate ?? { maxUnavailable: 0, maxSurge: 1 },
      },
      minReadySeconds: input.minReadySeconds ?? 5,
      template: {
        metadata: {
          labels: { ...labels(name), ...input.podLabels },
          ...(Object.keys(annotations).length > 0 && { annotations }),
        },
        spec: pod,
      },
    },
  };
}

export interface ServiceInput {
  readonly namespace: string;
  readonly name: string;
  /** Port by its name, which is that of the container's port, too. */
  readonly ports: Readonly<Record<string, number>>;
  /** Pods that it leads to. @default - those of the same name */
  readonly to?: string;
  /** The pods' own addresses by DNS instead of one for all of them: of those that are ready, or of all. */
  readonly headless?: "ready" | "all";
  /** A client is led to a pod of its own node where there is one. */
  readonly preferSameNode?: true;
}

export const service = ({
  namespace,
  name,
  ports,
  to = name,
  headless,
  preferSameNode,
}: ServiceInput): KubeObject => ({
  apiVersion: "v1",
  kind: "Service",
  metadata: { name, namespace, labels: labels(to) },
  spec: {
    ...(headless && { clusterIP: "None" }),
    ...(headless === "all" && { publishNotReadyAddresses: true }),
    ...(preferSameNode && { trafficDistribution: "PreferSameNode" }),
    selector: selector(to),
    ports: Object.entries(ports).map(([port, number]) => ({
      ...{ name: port, port: number, targetPort: port, protocol: "TCP" },
    })),
  },
});

export interface IngressInput {
  readonly namespace: string;
  /** Of the Service, too, whose port `http` it leads to. */
  readonly name: string;
  readonly hosts: readonly string[];
  readonly className: string;
  /** Secret with the hosts' certificate. */
  readonly tlsSecret: string;
}

export function ingress({ namespace, name, hosts, className, tlsSecret }: IngressInput): KubeObject {
  const backend = { service: { name, port: { name: "http" } } };
  return {
    apiVersion: "networking.k8s.io/v1",
    kind: "Ingress",
    metadata: { name, namespace, labels: labels(name) },
    spec: {
      ingressClassName: className,
      tls: [{ hosts: [...hosts], secretName: tlsSecret }],
      rules: hosts.map((host) => ({ host, http: { paths: [{ path: "/", pathType: "Prefix", backend }] } })),
    },
  };
}

/** An opaque Secret of plain texts. */
export const opaqueSecret = (
  namespace: string,
  name: string,
  texts: Readonly<Record<string, pulumi.Input<string>>>,
): KubeObject => ({
  apiVersion: "v1",
  kind: "Secret",
  metadata: { name, namespace, labels: labels(name) },
  type: "Opaque",
  data: Object.fromEntries(Object.entries(texts).map(([key, text]) => [key, pulumi.secret(base64(text))])),
});
