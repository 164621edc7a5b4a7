/** The pods of a service, and of its migration. */
import type * as pulumi from "@pulumi/pulumi";
import type { Quantity } from "../../lib/quantity.ts";
import { readRepositoryFile } from "../../lib/repository-file.ts";
import { DATABASE_CA_MOUNT, DATABASE_CA_VOLUME } from "../kubernetes/database-ca.ts";
import { DATABASE_LABEL, INGRESS_LABEL } from "../kubernetes/namespaces.ts";
import type { Container, PodSpec } from "../kubernetes/objects.ts";
import {
  ASK_AGAIN_SOON,
  apart,
  FORGET_SECONDS,
  RESTRICTED_CONTAINER,
  RESTRICTED_POD,
  resources,
  SOON_ELSEWHERE,
  UNTIL_FORGOTTEN,
} from "../kubernetes/pods.ts";
import type { ServiceArgs } from "./args.ts";
import type { Variable } from "./env.ts";

/** On a pod: it may leave the cluster for the provider. */
export const PROVIDER_LABEL = { "gardenos/ai-provider": "true" } as const;

/** Name of the Secret with the registries' credentials. */
export const PULL_SECRET = "registries";

export interface PodInput {
  readonly name: string;
  readonly service: ServiceArgs;
  readonly env: readonly Variable[];
  readonly private: boolean;
}

/** What the policies know a pod by. */
export const podLabels = ({ database, ai, host }: ServiceArgs): Readonly<Record<string, string>> => ({
  ...(database && DATABASE_LABEL),
  ...(ai && PROVIDER_LABEL),
  ...(host !== undefined && INGRESS_LABEL),
});

const VOLUMES: PodSpec["volumes"] = [DATABASE_CA_VOLUME, { name: "tmp", emptyDir: { sizeLimit: "64Mi" } }];
const MOUNTS: Container["volumeMounts"] = [DATABASE_CA_MOUNT, { name: "tmp", mountPath: "/tmp" }];

const common = ({ name, private: isPrivate }: Pick<PodInput, "name" | "private">) => ({
  ...RESTRICTED_POD,
  serviceAccountName: name,
  dnsConfig: ASK_AGAIN_SOON,
  volumes: VOLUMES,
  ...(isPrivate && { imagePullSecrets: [{ name: PULL_SECRET }] }),
});

function container({ name, service, env }: PodInput): Container {
  const { image, command, port, cpu, memory } = service;
  const probe = (path: string) => ({ httpGet: { path, port: "http" }, timeoutSeconds: 2 });
  return {
    name,
    image,
    ...(command && { command: [...command] }),
    env: [...env],
    ports: [{ name: "http", containerPort: port }],
    lifecycle: UNTIL_FORGOTTEN,
    startupProbe: { ...probe("/healthz"), periodSeconds: 1, failureThreshold: 60 },
    // With the database: who can't reach it sends its clients to who can. Alive without it, or a failover would restart every pod.
    readinessProbe: { ...probe("/readyz"), periodSeconds: 2, failureThreshold: 3 },
    livenessProbe: { ...probe("/healthz"), periodSeconds: 10, failureThreshold: 3 },
    resources: resources(cpu, memory),
    securityContext: RESTRICTED_CONTAINER,
    volumeMounts: MOUNTS,
  };
}

/** One pod of a service. */
export const servicePod = (input: PodInput): PodSpec => ({
  ...common(input),
  tolerations: SOON_ELSEWHERE,
  terminationGracePeriodSeconds: input.service.graceSeconds + FORGET_SECONDS,
  topologySpreadConstraints: apart(input.name),
  containers: [container(input)],
});

export interface MigrationInput {
  readonly name: string;
  readonly image: pulumi.Input<string>;
  /** Waits for a way to the database. */
  readonly waitImage: pulumi.Input<string>;
  readonly command: readonly string[];
  readonly env: readonly Variable[];
  readonly memory: Quantity;
  readonly private: boolean;
}

const waitForDatabase = ({ waitImage, env }: MigrationInput): Container => ({
  name: "wait-database",
  image: waitImage,
  command: ["sh", "-c", readRepositoryFile("files/services/wait-database.sh")],
  env: env.filter(({ name }) => ["DATABASE_HOST", "DATABASE_PORT"].includes(name)),
  resources: resources("10m", "16Mi"),
  securityContext: RESTRICTED_CONTAINER,
});

/** One try: what failed is for somebody to read, and the end of its log is what the Job shows. */
export const migrationPod = (input: MigrationInput): PodSpec => ({
  ...common(input),
  restartPolicy: "Never",
  initContainers: [waitForDatabase(input)],
  containers: [
    {
      name: "migrate",
      image: input.image,
      command: [...input.command],
      env: [...input.env],
      resources: resources("50m", input.memory),
      securityContext: RESTRICTED_CONTAINER,
      terminationMessagePolicy: "FallbackToLogsOnError",
      volumeMounts: MOUNTS,
    },
  ],
});
