/** Kubernetes' objects of the in-cluster HAProxy, as plain values. */
import type * as pulumi from "@pulumi/pulumi";
import { POSTGRES, type PostgresInstance, type PostgresPlan } from "../../plan/postgres.ts";
import { workload } from "../../plan/workloads.ts";
import type { Container, KubeObject, PodSpec } from "../kubernetes/objects.ts";
import {
  disruptionBudget,
  labels,
  RESTRICTED_CONTAINER,
  RESTRICTED_POD,
  resources,
  selector,
  serviceAccount,
} from "../kubernetes/pods.ts";
import { DATABASE_CLIENTS, policy, tcp } from "../kubernetes/policies.ts";
import { DATA } from "../kubernetes/priorities.ts";
import { renderInClusterConfig } from "./in-cluster-config.ts";

export interface InClusterSettings {
  readonly image: string;
  readonly members: readonly Pick<PostgresInstance, "name" | "serviceIp">[];
  /** Addresses of the two Services. */
  readonly serviceIps: PostgresPlan["serviceIps"];
  /** How many there are: each has a pod. */
  readonly nodes: number;
  /** Authority of the members' certificates, PEM. */
  readonly caPem: pulumi.Input<string>;
}

export interface InClusterObjects extends InClusterSettings {
  /** Another one replaces the pods, one after the other. */
  readonly fingerprint: pulumi.Input<string>;
}

const { namespace, balancer: NAME } = POSTGRES;
const HEALTH_PORT = 8405;
const metadata = (name: string) => ({ name, namespace, labels: labels(NAME) });

/** In: pods that say so, of any namespace of the program, and the pooler. Out: the members. */
function balancerPolicy(): KubeObject {
  const members = { podSelector: { matchLabels: selector(POSTGRES.name) } };
  return policy(namespace, NAME, {
    podSelector: { matchLabels: selector(NAME) },
    policyTypes: ["Ingress", "Egress"],
    ingress: [
      {
        from: [{ podSelector: { matchLabels: selector(POSTGRES.pooler) } }, DATABASE_CLIENTS],
        ports: tcp(POSTGRES.ports.postgres, POSTGRES.ports.replica),
      },
    ],
    egress: [{ to: [members], ports: tcp(POSTGRES.ports.postgres, POSTGRES.ports.rest) }],
  });
}

function container(image: string): Container {
  const probe = (periodSeconds: number, failureThreshold: number) => ({
    httpGet: { path: "/healthz", port: "health" },
    periodSeconds,
    failureThreshold,
    timeoutSeconds: 2,
  });
  return {
    name: "haproxy",
    image,
    command: ["haproxy", "-W", "-db", "-f", "/etc/haproxy/haproxy.cfg"],
    ports: [
      { name: "primary", containerPort: POSTGRES.ports.postgres },
      { name: "replica", containerPort: POSTGRES.ports.replica },
      { name: "health", containerPort: HEALTH_PORT },
    ],
    startupProbe: probe(1, 60),
    readinessProbe: probe(2, 2),
    livenessProbe: probe(10, 3),
    resources: resources("50m", workload("postgres-lb").memory),
    securityContext: RESTRICTED_CONTAINER,
    volumeMounts: [{ name: "config", mountPath: "/etc/haproxy", readOnly: true }],
  };
}

const pod = (image: string): PodSpec => ({
  ...RESTRICTED_POD,
  serviceAccountName: NAME,
  priorityClassName: DATA,
  containers: [container(image)],
  volumes: [{ name: "config", configMap: { name: NAME } }],
});

/**
 * A Service of Postgres' own port. A pod's own node is preferred: it is there as long as the pod is, and a lost node's pod gets
 * connections until Kubernetes has noticed.
 */
const way = (name: string, clusterIP: string, targetPort: string): KubeObject => ({
  apiVersion: "v1",
  kind: "Service",
  metadata: metadata(name),
  spec: {
    clusterIP,
    trafficDistribution: "PreferSameNode",
    selector: selector(NAME),
    ports: [{ name: "postgres", port: POSTGRES.ports.postgres, targetPort, protocol: "TCP" }],
  },
});

/** The configuration of the pods. */
export const inClusterConfig = ({ members }: Pick<InClusterSettings, "members">): string =>
  renderInClusterConfig({ members, healthPort: HEALTH_PORT });

/** Everything of them. */
export function inClusterObjects(args: InClusterObjects): KubeObject[] {
  const { image, members, serviceIps, caPem, nodes, fingerprint } = args;
  return [
    balancerPolicy(),
    serviceAccount(namespace, NAME),
    {
      apiVersion: "v1",
      kind: "ConfigMap",
      metadata: metadata(NAME),
      data: { "haproxy.cfg": inClusterConfig({ members }), "postgres-ca.pem": caPem },
    },
    {
      apiVersion: "apps/v1",
      // One a node: no client needs another node's, and none moves when its node is drained.
      kind: "DaemonSet",
      metadata: metadata(NAME),
      spec: {
        selector: { matchLabels: selector(NAME) },
        updateStrategy: { type: "RollingUpdate", rollingUpdate: { maxUnavailable: 1 } },
        template: {
          metadata: { labels: labels(NAME), annotations: { "gardenos/fingerprint": fingerprint } },
          spec: pod(image),
        },
      },
    },
    disruptionBudget(namespace, NAME, nodes),
    way(POSTGRES.primary, serviceIps.primary, "primary"),
    way(POSTGRES.replica, serviceIps.replica, "replica"),
  ];
}
