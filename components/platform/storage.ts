/** Volumes in a directory of the node that the pod runs on: two classes, one provisioner. */
import { stringify } from "yaml";
import type { Quantity } from "../../lib/quantity.ts";
import { readRepositoryFile } from "../../lib/repository-file.ts";
import { NAMESPACES } from "../../plan/namespaces.ts";
import type { Container, KubeObject, PodSpec } from "../kubernetes/objects.ts";
import {
  clusterRole,
  clusterRoleBinding,
  labels,
  namespacedRights,
  RESTRICTED_CONTAINER,
  RESTRICTED_POD,
  resources,
  SOON_ELSEWHERE,
  selector,
  serviceAccount,
} from "../kubernetes/pods.ts";
import { PLATFORM } from "../kubernetes/priorities.ts";

export interface StorageConfig {
  readonly image: string;
  /** Image of the pods that make and remove directories: a shell, mkdir, chmod, rm. */
  readonly helperImage: string;
  readonly memory: Quantity;
  readonly helperMemory: Quantity;
}

const NAME = "local-path-provisioner";
/** The helper pods' account. It may do nothing. */
const HELPER = "local-path-helper";
const NAMESPACE = NAMESPACES.storage.name;
const ACCOUNT = { namespace: NAMESPACE, name: NAME };
const PROVISIONER = "rancher.io/local-path";
/** K3s's own place for it; the host bundle of a node makes nothing here. */
const DIRECTORY = "/var/lib/rancher/k3s/storage";

function access(): KubeObject[] {
  const read = ["get", "list", "watch"];
  return [
    serviceAccount(NAMESPACE, NAME),
    serviceAccount(NAMESPACE, HELPER),
    clusterRole("gardenos:local-path-provisioner", [
      { apiGroups: [""], resources: ["nodes", "persistentvolumeclaims"], verbs: read },
      {
        apiGroups: [""],
        resources: ["persistentvolumes"],
        verbs: [...read, "create", "patch", "update", "delete"],
      },
      { apiGroups: [""], resources: ["events"], verbs: ["create", "patch"] },
      { apiGroups: ["storage.k8s.io"], resources: ["storageclasses"], verbs: read },
    ]),
    clusterRoleBinding("gardenos:local-path-provisioner", "gardenos:local-path-provisioner", ACCOUNT),
    ...namespacedRights(NAMESPACE, ACCOUNT, [
      { apiGroups: [""], resources: ["pods"], verbs: [...read, "create", "delete"] },
      { apiGroups: [""], resources: ["pods/log", "configmaps"], verbs: ["get"] },
    ]),
  ];
}

/**
 * Runs for a second as root, because volumes belong to anybody. Of root's powers it keeps the one to change and
 * remove what others own; the provisioner adds name, node, command and the mounted directory.
 */
export function helperPod({ helperImage, helperMemory }: StorageConfig): object {
  return {
    apiVersion: "v1",
    kind: "Pod",
    metadata: { name: "helper-pod", labels: labels(HELPER) },
    spec: {
      automountServiceAccountToken: false,
      enableServiceLinks: false,
      priorityClassName: PLATFORM,
      securityContext: { seccompProfile: { type: "RuntimeDefault" } },
      containers: [
        {
          // The provisioner looks for the log of a container of this name.
          name: "helper-pod",
          image: helperImage,
          resources: resources("10m", helperMemory),
          securityContext: {
            ...RESTRICTED_CONTAINER,
            capabilities: { ...RESTRICTED_CONTAINER.capabilities, add: ["DAC_OVERRIDE", "FOWNER"] },
          },
        },
      ],
    },
  };
}

function container({ image, memory }: StorageConfig): Container {
  return {
    name: NAME,
    image,
    // It has no page to ask for its health; it ends when it can't go on, and is started again.
    command: [
      "local-path-provisioner",
      "start",
      "--config=/etc/config/config.json",
      `--provisioner-name=${PROVISIONER}`,
      `--namespace=${NAMESPACE}`,
      `--service-account-name=${HELPER}`,
      `--configmap-name=${NAME}`,
    ],
    // Where it reads the helper pod from, again at each change.
    env: [{ name: "CONFIG_MOUNT_PATH", value: "/etc/config" }],
    resources: resources("20m", memory),
    securityContext: RESTRICTED_CONTAINER,
    volumeMounts: [{ name: "config", mountPath: "/etc/config", readOnly: true }],
  };
}

const pod = (config: StorageConfig): PodSpec => ({
  ...RESTRICTED_POD,
  automountServiceAccountToken: true,
  serviceAccountName: NAME,
  priorityClassName: PLATFORM,
  tolerations: SOON_ELSEWHERE,
  containers: [container(config)],
  volumes: [{ name: "config", configMap: { name: NAME } }],
});

function storageClass(name: string, reclaimPolicy: "Delete" | "Retain", isDefault: boolean): KubeObject {
  return {
    apiVersion: "storage.k8s.io/v1",
    kind: "StorageClass",
    metadata: {
      name,
      labels: labels(NAME),
      annotations: {
        // Volumes of the type `local`: a pod that uses one needs no right to mount the node's directories.
        defaultVolumeType: "local",
        ...(isDefault && { "storageclass.kubernetes.io/is-default-class": "true" }),
      },
    },
    provisioner: PROVISIONER,
    reclaimPolicy,
    volumeBindingMode: "WaitForFirstConsumer",
  };
}

/** Everything of the storage but its policy. */
export function storage(config: StorageConfig): KubeObject[] {
  const metadata = { name: NAME, namespace: NAMESPACE, labels: labels(NAME) };
  const paths = { nodePathMap: [{ node: "DEFAULT_PATH_FOR_NON_LISTED_NODES", paths: [DIRECTORY] }] };
  return [
    ...access(),
    {
      apiVersion: "v1",
      kind: "ConfigMap",
      metadata,
      data: {
        "config.json": `${JSON.stringify(paths)}\n`,
        setup: readRepositoryFile("files/storage/setup.sh"),
        teardown: readRepositoryFile("files/storage/teardown.sh"),
        "helperPod.yaml": stringify(helperPod(config)),
      },
    },
    {
      apiVersion: "apps/v1",
      kind: "Deployment",
      metadata,
      spec: {
        replicas: 1,
        selector: { matchLabels: selector(NAME) },
        // It elects no leader: two of them would make each volume twice.
        strategy: { type: "Recreate" },
        template: { metadata: { labels: labels(NAME) }, spec: pod(config) },
      },
    },
    storageClass("local-path", "Delete", true),
    storageClass("gardenos-retain", "Retain", false),
  ];
}
