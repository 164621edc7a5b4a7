/**
 * Realtime's one tenant, and the Job that makes it by Realtime's own API. Upstream's seed (SEED_SELF_HOST) makes one whose database is
 * reached without TLS, which ours refuses, and makes it anew whenever a pod starts.
 */
import type * as pulumi from "@pulumi/pulumi";
import { readRepositoryFile } from "../../lib/repository-file.ts";
import { NAMESPACES } from "../../plan/namespaces.ts";
import { SUPABASE_SERVICES } from "../../plan/supabase.ts";
import type { KubeObject, PodSpec } from "../kubernetes/objects.ts";
import {
  ASK_AGAIN_SOON,
  labels,
  plainVariables,
  RESTRICTED_CONTAINER,
  RESTRICTED_POD,
  resources,
  serviceAccount,
} from "../kubernetes/pods.ts";
import { type DatabaseAddress, type Env, type Material, passwordOf, REALTIME_REGION, TENANT } from "./env.ts";
import { TENANT_JOB } from "./policies.ts";

const NAMESPACE = NAMESPACES.supabase.name;

/** For each of the script's two steps. A failover of the database takes half a minute. */
const TRY_SECONDS = 120;
/** Both steps with an answer that is slow, and the pull of the image. Less than the ten minutes that Pulumi waits. */
const DEADLINE_SECONDS = 480;

/**
 * As the API takes it and upstream's seed makes it, but for TLS: supabase/realtime, lib/realtime/api/tenant.ex, priv/repo/seeds.exs.
 * Realtime does not look at the certificate here. Limits stay Realtime's own. Secret.
 */
function tenant(material: Material, { host, port, name }: DatabaseAddress): object {
  const login = {
    ...{ db_host: host, db_port: String(port), db_name: name },
    ...{ db_user: SUPABASE_SERVICES.realtime.login, db_password: passwordOf(material, "realtime") },
  };
  const settings = {
    ...{ ...login, ssl_enforced: true },
    region: REALTIME_REGION,
    ...{ poll_interval_ms: 100, poll_max_record_bytes: 1_048_576 },
  };
  return {
    ...{ jwt_secret: material.keys.jwtSecret, jwt_jwks: JSON.parse(material.keys.jwks) },
    extensions: [{ type: "postgres_cdc_rls", settings }],
  };
}

/** Names of the secret values that the Job reads. */
export const TENANT_SECRETS = ["API_JWT_SECRET", "TENANT"] as const;

/** Their values. */
export const tenantEnv = (material: Material, database: DatabaseAddress): Env => ({
  API_JWT_SECRET: material.drawn.realtimeApi,
  TENANT: JSON.stringify(tenant(material, database)),
});

export interface TenantJobInput {
  /** Of anything with Python. */
  readonly image: pulumi.Input<string>;
  /** Another one is another Job: keys and passwords change. */
  readonly configHash: pulumi.Input<string>;
}

const pod = ({ image }: TenantJobInput): PodSpec => ({
  ...RESTRICTED_POD,
  serviceAccountName: TENANT_JOB,
  dnsConfig: ASK_AGAIN_SOON,
  restartPolicy: "Never",
  containers: [
    {
      name: "tenant",
      image,
      command: ["python3", "-IBc", readRepositoryFile("files/supabase/tenant.py")],
      env: [
        ...plainVariables({
          ...{ REALTIME_URL: `http://realtime:${SUPABASE_SERVICES.realtime.port}`, TENANT_NAME: TENANT },
          TRY_SECONDS,
        }),
        ...TENANT_SECRETS.map((key) => ({
          name: key,
          valueFrom: { secretKeyRef: { name: TENANT_JOB, key } },
        })),
      ],
      resources: resources("10m", "64Mi"),
      securityContext: RESTRICTED_CONTAINER,
      terminationMessagePolicy: "FallbackToLogsOnError",
    },
  ],
});

/** The Job and its account. The script tries again by itself; when it has failed, the next run of the program makes another (`replaceUnready`). */
export const tenantObjects = (input: TenantJobInput): KubeObject[] => [
  serviceAccount(NAMESPACE, TENANT_JOB),
  {
    apiVersion: "batch/v1",
    kind: "Job",
    metadata: {
      ...{ name: TENANT_JOB, namespace: NAMESPACE, labels: labels(TENANT_JOB) },
      annotations: { "pulumi.com/replaceUnready": "true" },
    },
    spec: {
      backoffLimit: 0,
      activeDeadlineSeconds: DEADLINE_SECONDS,
      template: {
        metadata: { labels: labels(TENANT_JOB), annotations: { "gardenos/config": input.configHash } },
        spec: pod(input),
      },
    },
  },
];
