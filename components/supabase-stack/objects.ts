/** Kubernetes' objects of one of Supabase's services. Pure but for values that are known later. */
import type * as pulumi from "@pulumi/pulumi";
import { NAMESPACES } from "../../plan/namespaces.ts";
import { factsOf, type SupabaseService, type SupabaseServicePlan } from "../../plan/supabase.ts";
import { DATABASE_CA_MOUNT, DATABASE_CA_VOLUME } from "../kubernetes/database-ca.ts";
import { DATABASE_LABEL, INGRESS_LABEL } from "../kubernetes/namespaces.ts";
import type { Container, KubeObject, PodSpec } from "../kubernetes/objects.ts";
import {
  ASK_AGAIN_SOON,
  apart,
  disruptionBudget,
  plainVariables,
  RESTRICTED_CONTAINER,
  RESTRICTED_POD,
  resources,
  SOON_ELSEWHERE,
  serviceAccount,
  UNTIL_FORGOTTEN,
} from "../kubernetes/pods.ts";
import { deployment, service } from "../kubernetes/workloads.ts";
import { type Env, podFields } from "./env.ts";
import { isBehindGateway, OUTSIDE_LABEL } from "./policies.ts";

const NAMESPACE = NAMESPACES.supabase.name;

export interface Files {
  readonly folder: string;
  readonly from: "Secret" | "ConfigMap";
  readonly name: string;
  /** Keys of the object, and their paths in the folder. @default - a file of the same name for each */
  readonly items?: readonly { readonly key: string; readonly path: string }[];
}

export interface ServiceInput {
  readonly service: SupabaseService;
  readonly plan: SupabaseServicePlan;
  readonly image: pulumi.Input<string>;
  readonly env: Env;
  /** Names of secret values: the Secret of the service's own name has them. */
  readonly secretNames: readonly string[];
  readonly configHash: pulumi.Input<string>;
  /** Files by the folder that they are mounted in, from an object of the service's own. */
  readonly files?: Files;
  /** In place of the image's own. */
  readonly command?: readonly string[];
  /** In place of the image's own, for its own command. */
  readonly args?: readonly string[];
  /** The ingress controller may connect to it. */
  readonly served: boolean;
}

const variables = ({ service: name, env, secretNames }: ServiceInput): Container["env"] => [
  ...plainVariables(env),
  ...Object.entries(podFields(name)).map(([key, fieldPath]) => ({
    name: key,
    valueFrom: { fieldRef: { fieldPath } },
  })),
  ...secretNames.map((key) => ({ name: key, valueFrom: { secretKeyRef: { name, key } } })),
];

function container(input: ServiceInput): Container {
  const { service: name, plan, image, command, args, files } = input;
  const { port, probe, cpu, login } = factsOf(name);
  const where = probe.port === port ? "http" : "probe";
  const check =
    probe.path === undefined
      ? { tcpSocket: { port: where } }
      : { httpGet: { path: probe.path, port: where } };
  const ask = (periodSeconds: number, failureThreshold: number) => ({
    ...check,
    ...{ periodSeconds, failureThreshold, timeoutSeconds: 3 },
  });
  return {
    name,
    image,
    ...(command && { command: [...command] }),
    ...(args && { args: [...args] }),
    env: variables(input),
    ports: [
      { name: "http", containerPort: port },
      ...(where === "probe" ? [{ name: where, containerPort: probe.port }] : []),
    ],
    lifecycle: UNTIL_FORGOTTEN,
    // The first start of some migrates their schema.
    startupProbe: ask(2, 90),
    readinessProbe: ask(3, 3),
    // Long enough for a failover of the database: restarts would help nobody.
    livenessProbe: ask(10, 12),
    resources: resources(cpu, plan.memory),
    securityContext: RESTRICTED_CONTAINER,
    volumeMounts: [
      { name: "tmp", mountPath: "/tmp" },
      ...(login === undefined ? [] : [DATABASE_CA_MOUNT]),
      ...(files ? [{ name: "files", mountPath: files.folder, readOnly: true }] : []),
    ],
  };
}

function fileVolume({ from, name, items }: Files) {
  const listed = items && { items: [...items] };
  return {
    name: "files",
    ...(from === "Secret"
      ? { secret: { secretName: name, defaultMode: 0o440, ...listed } }
      : { configMap: { name, ...listed } }),
  };
}

const volumes = ({ service: name, files }: ServiceInput): PodSpec["volumes"] => [
  { name: "tmp", emptyDir: { sizeLimit: "128Mi" } },
  ...(factsOf(name).login === undefined ? [] : [DATABASE_CA_VOLUME]),
  ...(files ? [fileVolume(files)] : []),
];

const pod = (input: ServiceInput): PodSpec => ({
  ...RESTRICTED_POD,
  serviceAccountName: input.service,
  dnsConfig: ASK_AGAIN_SOON,
  tolerations: SOON_ELSEWHERE,
  terminationGracePeriodSeconds: 60,
  topologySpreadConstraints: apart(input.service),
  containers: [container(input)],
  volumes: volumes(input),
});

/** Everything of one service but its Secret and its policies. */
export function serviceObjects(input: ServiceInput): KubeObject[] {
  const { service: name, plan, configHash, served } = input;
  const { port, login, outside } = factsOf(name);
  const shared = { namespace: NAMESPACE, name };
  return [
    serviceAccount(NAMESPACE, name),
    deployment({
      ...{ ...shared, replicas: plan.replicas, pod: pod(input), configHash },
      podLabels: {
        ...(login !== undefined && DATABASE_LABEL),
        ...(outside && OUTSIDE_LABEL),
        ...(served && INGRESS_LABEL),
      },
    }),
    disruptionBudget(NAMESPACE, name),
    // The gateway looks after each pod by itself: one address for all would lead it to a lost one again and again.
    service({ ...shared, ports: { http: port }, ...(isBehindGateway(name) && { headless: "ready" }) }),
    ...(name === "realtime"
      ? [service({ ...shared, name: "realtime-nodes", to: name, ports: { http: port }, headless: "all" })]
      : []),
  ];
}
