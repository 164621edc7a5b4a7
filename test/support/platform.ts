/** Every object of the platform as plain values: what golden files show, and what rules are checked on. */

import { inClusterObjects } from "../../components/haproxy-lb/in-cluster-objects.ts";
import { namespaceObject } from "../../components/kubernetes/namespaces.ts";
import type { KubeObject } from "../../components/kubernetes/objects.ts";
import { namespacePolicies } from "../../components/kubernetes/policies.ts";
import { priorityClasses } from "../../components/kubernetes/priorities.ts";
import { memberObjects } from "../../components/patroni-cluster/objects.ts";
import { membersPolicy } from "../../components/patroni-cluster/policies.ts";
import { pgbouncer } from "../../components/pgbouncer/objects.ts";
import { pgbouncerPolicy, toDatabasePolicy } from "../../components/pgbouncer/policies.ts";
import { renderIni } from "../../components/pgbouncer/render.ts";
import { adminAccess } from "../../components/platform/access.ts";
import { METRICS_SERVER_PORT, metricsServer } from "../../components/platform/metrics-server.ts";
import { metricsServerPolicy, storagePolicy, traefikPolicy } from "../../components/platform/policies.ts";
import { helperPod, storage } from "../../components/platform/storage.ts";
import { traefik } from "../../components/platform/traefik.ts";
import { namespaces } from "../../plan/namespaces.ts";
import { poolerReplicas } from "../../plan/pooler.ts";
import { planPostgres } from "../../plan/postgres.ts";
import { VOLUME_HELPER_MEMORY, workload } from "../../plan/workloads.ts";
import { MANIFEST, settingsOf } from "./settings.ts";

const NODE_IPS = ["10.0.1.11", "10.0.1.12", "10.0.1.13"];
export const NETWORK = { nodeIps: NODE_IPS, apiServerIps: NODE_IPS, podCidr: "10.42.0.0/16" };
export const INGRESS = {
  class: "traefik",
  memory: "128Mi",
  httpsOnly: true,
  requestsPerSecond: 100,
} as const;

const STORAGE = {
  image: MANIFEST.images.localPathProvisioner,
  helperImage: MANIFEST.images.busybox,
  memory: workload("local-path-provisioner").memory,
  helperMemory: VOLUME_HELPER_MEMORY,
};

const SPACES = namespaces({ profile: "full", ingress: INGRESS, supabase: true, tls: "acme" });

const PLATFORM: Readonly<Record<string, readonly KubeObject[]>> = {
  access: adminAccess(),
  priorities: priorityClasses(),
  namespaces: SPACES.map((space) => namespaceObject(space, "v1.36")),
  policies: [
    ...SPACES.flatMap(namespacePolicies),
    traefikPolicy(NETWORK),
    metricsServerPolicy(NETWORK, METRICS_SERVER_PORT),
    storagePolicy(NETWORK),
  ],
  traefik: traefik({
    image: MANIFEST.images.traefik,
    ...INGRESS,
    entry: { kind: "ip", value: "203.0.113.80" },
    nodeIps: NODE_IPS,
    namespaces: ["apps"],
  }),
  "metrics-server": metricsServer({
    image: MANIFEST.images.metricsServer,
    ...workload("metrics-server"),
    replicas: 2,
    tls: { ca: "Y2E=", cert: "Y2VydA==", key: "a2V5" },
  }),
  storage: storage(STORAGE),
};

const SETTINGS = settingsOf();
const SERVERS = Object.entries(SETTINGS.nodes).map(([key, { privateIp }]) => ({ key, privateIp }));
const { instances, serviceIps } = planPostgres({ project: "gardenos", stack: "test" }, SETTINGS, SERVERS);

/** Objects of Postgres and what leads to it. */
const DATABASE: Readonly<Record<string, readonly KubeObject[]>> = {
  postgres: [
    membersPolicy(NETWORK),
    ...memberObjects({
      image: MANIFEST.images.postgres,
      memory: "1Gi",
      instances,
      fingerprint: "0123456789ab",
    }),
  ],
  "postgres-lb": inClusterObjects({
    image: MANIFEST.images.haproxy,
    members: instances,
    serviceIps,
    nodes: 3,
    caPem: "CA",
    fingerprint: "0123456789ab",
  }),
  pgbouncer: [
    pgbouncerPolicy(),
    toDatabasePolicy(),
    ...pgbouncer({
      image: MANIFEST.images.pgbouncer,
      ...SETTINGS.pgbouncer,
      replicas: poolerReplicas(SETTINGS),
      serviceIps,
      ini: renderIni(["app"], SETTINGS.pgbouncer),
      files: { "userlist.txt": "dXNlcnM=", "tls.crt": "Y2VydA==", "tls.key": "a2V5", "ca.crt": "Y2E=" },
      configHash: "0123456789ab",
    }),
  ],
};

/** By subject, as the golden files are. */
export const SUBJECTS: Readonly<Record<string, readonly KubeObject[]>> = { ...PLATFORM, ...DATABASE };

export const OBJECTS: readonly KubeObject[] = Object.values(SUBJECTS).flat();

/** The pod that makes and removes volumes, which lies as text in a ConfigMap. */
export const HELPER_POD = helperPod(STORAGE);
