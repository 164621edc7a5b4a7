/** PgBouncer's pods and what they need, but their policies. */
import type * as pulumi from "@pulumi/pulumi";
import type { Quantity } from "../../lib/quantity.ts";
import { POOLER } from "../../plan/pooler.ts";
import type { PostgresPlan } from "../../plan/postgres.ts";
import type { Container, KubeObject, PodSpec } from "../kubernetes/objects.ts";
import {
  disruptionBudget,
  labels,
  RESTRICTED_CONTAINER,
  RESTRICTED_POD,
  resources,
  SOON_ELSEWHERE,
  selector,
  serviceAccount,
} from "../kubernetes/pods.ts";
import { DATA } from "../kubernetes/priorities.ts";
import { deployment, service } from "../kubernetes/workloads.ts";
import { FOLDER } from "./render.ts";

export interface PgbouncerConfig {
  readonly image: string;
  readonly replicas: number;
  readonly memory: Quantity;
  /** Addresses of what the pooler calls primary and replica. */
  readonly serviceIps: PostgresPlan["serviceIps"];
  readonly ini: string;
  /** base64, by file name: `userlist.txt`, `tls.crt`, `tls.key`, `ca.crt`. Secret. */
  readonly files: Readonly<Record<string, pulumi.Input<string>>>;
  /** Another one replaces the pods, one after the other: PgBouncer reads its files when it starts. */
  readonly configHash: pulumi.Input<string>;
}

const { name: NAME, namespace: NAMESPACE } = POOLER;

/**
 * Seconds. First the Services forget the pod; then PgBouncer takes no more work, lets transactions come to their end and
 * closes connections without one: SIGINT. On SIGTERM it would wait for clients to leave, and pools of applications never
 * do. A transaction that is still open at `kill` is cut off.
 */
const GRACE = { forget: 5, kill: 90 };

const STOP = `sleep ${GRACE.forget}; kill -INT 1; while kill -0 1 2>/dev/null; do sleep 0.2; done`;

function container({ image, memory }: PgbouncerConfig): Container {
  const probe = { tcpSocket: { port: "postgres" }, timeoutSeconds: 2, failureThreshold: 3 };
  return {
    name: NAME,
    image,
    command: ["pgbouncer", `${FOLDER}/pgbouncer.ini`],
    ports: [{ name: "postgres", containerPort: POOLER.port }],
    lifecycle: { preStop: { exec: { command: ["sh", "-c", STOP] } } },
    startupProbe: { ...probe, periodSeconds: 1, failureThreshold: 30 },
    // Ready without a database, too: clients wait in a queue for it.
    readinessProbe: { ...probe, periodSeconds: 2 },
    livenessProbe: { ...probe, periodSeconds: 10 },
    resources: resources("100m", memory),
    securityContext: RESTRICTED_CONTAINER,
    volumeMounts: [{ name: "config", mountPath: FOLDER, readOnly: true }],
  };
}

const pod = (config: PgbouncerConfig): PodSpec => ({
  ...RESTRICTED_POD,
  serviceAccountName: NAME,
  priorityClassName: DATA,
  tolerations: SOON_ELSEWHERE,
  terminationGracePeriodSeconds: GRACE.kill,
  hostAliases: [
    { ip: config.serviceIps.primary, hostnames: [POOLER.primary] },
    { ip: config.serviceIps.replica, hostnames: [POOLER.replica] },
  ],
  // A node of its own for each: with one on every node clients have theirs at hand, and none waits for that of a node that is lost.
  affinity: {
    podAntiAffinity: {
      requiredDuringSchedulingIgnoredDuringExecution: [
        { labelSelector: { matchLabels: selector(NAME) }, topologyKey: "kubernetes.io/hostname" },
      ],
    },
  },
  containers: [container(config)],
  volumes: [
    {
      name: "config",
      projected: { defaultMode: 0o440, sources: [{ configMap: { name: NAME } }, { secret: { name: NAME } }] },
    },
  ],
});

/** Everything of the pooler but its policies. */
export function pgbouncer(config: PgbouncerConfig): KubeObject[] {
  const metadata = { name: NAME, namespace: NAMESPACE, labels: labels(NAME) };
  return [
    serviceAccount(NAMESPACE, NAME),
    { apiVersion: "v1", kind: "ConfigMap", metadata, data: { "pgbouncer.ini": config.ini } },
    { apiVersion: "v1", kind: "Secret", metadata, type: "Opaque", data: config.files },
    deployment({
      ...{ namespace: NAMESPACE, name: NAME, replicas: config.replicas },
      ...{ pod: pod(config), configHash: config.configHash },
      // There may be no free node for one more.
      rollingUpdate: { maxUnavailable: 1, maxSurge: 0 },
    }),
    disruptionBudget(NAMESPACE, NAME),
    // Prefers the client's own node: see postgres-primary.
    service({ namespace: NAMESPACE, name: NAME, ports: { postgres: POOLER.port }, preferSameNode: true }),
  ];
}
