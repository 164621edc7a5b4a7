/** Kubernetes' objects of the cluster, as plain values. */
import type * as pulumi from "@pulumi/pulumi";
import type { Quantity } from "../../lib/quantity.ts";
import { POSTGRES, type PostgresInstance } from "../../plan/postgres.ts";
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
import { DATA } from "../kubernetes/priorities.ts";
import { PATHS } from "./patroni.ts";

export interface MembersConfig {
  readonly image: string;
  readonly memory: Quantity;
  readonly instances: readonly PostgresInstance[];
  /** Changes with whatever a member reads at its start, so that the template changes, too. */
  readonly fingerprint: pulumi.Input<string>;
}

const { namespace, name: NAME } = POSTGRES;

/** Names the ConfigMap that lets Patroni make a new cluster; it exists during the first run of a stack only. */
const BOOTSTRAP = "postgres-bootstrap";

/** What the container runs, beside Patroni's configuration. */
export const START = "member-start.sh";

/** Secret with `patroni.yml` and what it names. */
export const CONFIG = "postgres-config";
export const TLS_SECRET = "postgres-tls";
export const ETCD_SECRET = "postgres-etcd";

/** No provisioner has it: volumes are made here, one a member, on the node of the member. */
const STORAGE_CLASS = "gardenos-postgres";
/** Nobody enforces it: a folder has no quota. */
const SIZE = "10Gi";

const metadata = (name: string) => ({ name, namespace, labels: labels(NAME) });

/** A folder of the member's node. Its claim is given beforehand, so that no other member takes it. */
const volume = ({ name, node }: PostgresInstance): KubeObject => ({
  apiVersion: "v1",
  kind: "PersistentVolume",
  metadata: { name: `${namespace}-${name}`, labels: labels(NAME) },
  spec: {
    capacity: { storage: SIZE },
    accessModes: ["ReadWriteOnce"],
    persistentVolumeReclaimPolicy: "Retain",
    storageClassName: STORAGE_CLASS,
    claimRef: { apiVersion: "v1", kind: "PersistentVolumeClaim", namespace, name: `data-${name}` },
    local: { path: POSTGRES.dataDirectory },
    nodeAffinity: {
      required: {
        nodeSelectorTerms: [
          { matchExpressions: [{ key: "kubernetes.io/hostname", operator: "In", values: [node] }] },
        ],
      },
    },
  },
});

const port = (name: string, number: number, nodePort?: number) => ({
  name,
  port: number,
  targetPort: name,
  protocol: "TCP",
  ...(nodePort !== undefined && { nodePort }),
});

/** Names of the members, ready or not: they look each other up before they are. */
const members = (): KubeObject => ({
  apiVersion: "v1",
  kind: "Service",
  metadata: metadata(POSTGRES.members),
  spec: {
    clusterIP: "None",
    publishNotReadyAddresses: true,
    selector: selector(NAME),
    ports: [port("postgres", POSTGRES.ports.postgres), port("rest", POSTGRES.ports.rest)],
  },
});

/**
 * One member, in the cluster at an address that never changes, and on ports of its own node for HAProxy of the nodes: a
 * restricted pod may have no host ports. `Local` keeps other nodes from forwarding, so that a node that is lost is lost.
 */
const oneMember = ({ name, serviceIp, nodePorts: ports }: PostgresInstance): KubeObject => ({
  apiVersion: "v1",
  kind: "Service",
  metadata: metadata(name),
  spec: {
    type: "NodePort",
    clusterIP: serviceIp,
    externalTrafficPolicy: "Local",
    publishNotReadyAddresses: true,
    selector: { ...selector(NAME), "statefulset.kubernetes.io/pod-name": name },
    ports: [
      port("postgres", POSTGRES.ports.postgres, ports.postgres),
      port("rest", POSTGRES.ports.rest, ports.rest),
    ],
  },
});

const fieldOf = (fieldPath: string) => ({ valueFrom: { fieldRef: { fieldPath } } });

/** Behind the name of a member, in certificates, too. */
const DOMAIN = `${POSTGRES.members}.${namespace}`;

function container({ image, memory }: MembersConfig): Container {
  const host = `$(PATRONI_NAME).${DOMAIN}`;
  const probe = (path: string, periodSeconds: number, failureThreshold: number) => ({
    httpGet: { path, port: "rest", scheme: "HTTPS" },
    periodSeconds,
    failureThreshold,
    timeoutSeconds: 5,
  });
  return {
    name: NAME,
    image,
    command: ["sh", `${PATHS.config}/${START}`, PATHS.data, "patroni", PATHS.config],
    env: [
      { name: "PATRONI_NAME", ...fieldOf("metadata.name") },
      { name: "PATRONI_RESTAPI_CONNECT_ADDRESS", value: `${host}:${POSTGRES.ports.rest}` },
      { name: "PATRONI_POSTGRESQL_CONNECT_ADDRESS", value: `${host}:${POSTGRES.ports.postgres}` },
      // Settings of psql and patronictl for people who come by `kubectl exec`.
      { name: "PGHOST", value: PATHS.sockets },
      { name: "PGUSER", value: POSTGRES.superuser },
      { name: "PGDATABASE", value: "postgres" },
      { name: "PATRONICTL_CONFIG_FILE", value: `${PATHS.config}/patroni.yml` },
    ],
    ports: [
      { name: "postgres", containerPort: POSTGRES.ports.postgres },
      { name: "rest", containerPort: POSTGRES.ports.rest },
    ],
    // A clone of a large database takes its time; Patroni answers meanwhile.
    startupProbe: probe("/liveness", 2, 60),
    livenessProbe: probe("/liveness", 10, 6),
    readinessProbe: probe("/readiness", 5, 3),
    resources: resources("250m", memory),
    securityContext: RESTRICTED_CONTAINER,
    volumeMounts: [
      { name: "data", mountPath: PATHS.volume },
      { name: "config", mountPath: PATHS.config, readOnly: true },
      { name: "tls", mountPath: PATHS.tls, readOnly: true },
      { name: "etcd", mountPath: PATHS.etcd, readOnly: true },
      { name: "sockets", mountPath: PATHS.sockets },
      { name: "tmp", mountPath: "/tmp" },
      { name: "shm", mountPath: "/dev/shm" },
    ],
  };
}

/** Postgres reads a key that root owns only if nobody but its own group may read it. */
const SECRET_MODE = 0o440;

const secretVolume = (name: string, secretName: string) => ({
  name,
  secret: { secretName, defaultMode: SECRET_MODE },
});

const pod = (config: MembersConfig): PodSpec => ({
  ...RESTRICTED_POD,
  // Postgres refuses a folder that its group may write to. The volume's own folder has the group already, so nothing below it
  // is touched.
  securityContext: { ...RESTRICTED_POD.securityContext, fsGroupChangePolicy: "OnRootMismatch" },
  serviceAccountName: NAME,
  priorityClassName: DATA,
  // Its data is on this node and nowhere else: it waits for the node, and is not moved.
  tolerations: ["not-ready", "unreachable"].map((condition) => ({
    key: `node.kubernetes.io/${condition}`,
    operator: "Exists",
    effect: "NoExecute",
  })),
  affinity: {
    podAntiAffinity: {
      requiredDuringSchedulingIgnoredDuringExecution: [
        { labelSelector: { matchLabels: selector(NAME) }, topologyKey: "kubernetes.io/hostname" },
      ],
    },
  },
  // A checkpoint, and standbys that take over, fit in.
  terminationGracePeriodSeconds: 120,
  hostAliases: config.instances.map(({ name, serviceIp }) => ({
    ip: serviceIp,
    hostnames: [`${name}.${DOMAIN}`],
  })),
  containers: [container(config)],
  volumes: [
    {
      name: "config",
      projected: {
        defaultMode: SECRET_MODE,
        sources: [{ secret: { name: CONFIG } }, { configMap: { name: BOOTSTRAP, optional: true } }],
      },
    },
    secretVolume("tls", TLS_SECRET),
    secretVolume("etcd", ETCD_SECRET),
    { name: "sockets", emptyDir: { medium: "Memory", sizeLimit: "1Mi" } },
    { name: "tmp", emptyDir: { sizeLimit: "256Mi" } },
    { name: "shm", emptyDir: { medium: "Memory", sizeLimit: "256Mi" } },
  ],
});

function statefulSet(config: MembersConfig): KubeObject {
  return {
    apiVersion: "apps/v1",
    kind: "StatefulSet",
    // A member that is not well may be waiting for this very template: `converge` waits, and replaces it.
    metadata: { ...metadata(NAME), annotations: { "pulumi.com/skipAwait": "true" } },
    spec: {
      serviceName: POSTGRES.members,
      replicas: config.instances.length,
      podManagementPolicy: "Parallel",
      // Kubernetes does not know who leads; `postgres-node converge` does, and replaces pods in that order.
      updateStrategy: { type: "OnDelete" },
      selector: { matchLabels: selector(NAME) },
      template: {
        metadata: { labels: labels(NAME), annotations: { "gardenos/fingerprint": config.fingerprint } },
        spec: pod(config),
      },
      volumeClaimTemplates: [
        {
          metadata: { name: "data", labels: labels(NAME) },
          spec: {
            accessModes: ["ReadWriteOnce"],
            storageClassName: STORAGE_CLASS,
            resources: { requests: { storage: SIZE } },
          },
        },
      ],
    },
  };
}

/** Everything of the members but secrets and policies. */
export function memberObjects(config: MembersConfig): KubeObject[] {
  return [
    serviceAccount(namespace, NAME),
    ...config.instances.map(volume),
    members(),
    ...config.instances.map(oneMember),
    statefulSet(config),
    disruptionBudget(namespace, NAME),
  ];
}
