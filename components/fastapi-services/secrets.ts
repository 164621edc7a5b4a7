/** What pods of services read from Secrets. */
import * as pulumi from "@pulumi/pulumi";
import { base64 } from "../kubernetes/base64.ts";
import type { KubeObject } from "../kubernetes/objects.ts";
import { labels } from "../kubernetes/pods.ts";
import { opaqueSecret } from "../kubernetes/workloads.ts";
import type { DatabaseAccess, FastApiServicesArgs } from "./args.ts";
import { AI_SECRET, loginSecret, type Role } from "./env.ts";
import { PULL_SECRET } from "./pods.ts";

/** User and password of one role. */
export const loginObject = (
  namespace: string,
  database: string,
  role: Role,
  { logins }: DatabaseAccess,
): KubeObject => opaqueSecret(namespace, loginSecret(database, role), { ...logins[role] });

/** The provider's key. */
export const aiObject = (namespace: string, apiKey: pulumi.Input<string>): KubeObject =>
  opaqueSecret(namespace, AI_SECRET, { apiKey });

/** Credentials of registries, as Docker keeps them. */
export function pullObject(
  namespace: string,
  registries: NonNullable<FastApiServicesArgs["registries"]>,
): KubeObject {
  const config = pulumi.output(registries).apply((all) =>
    JSON.stringify({
      auths: Object.fromEntries(
        Object.entries(all).map(([registry, { username, password }]) => [
          registry,
          { auth: Buffer.from(`${username}:${password}`).toString("base64") },
        ]),
      ),
    }),
  );
  return {
    apiVersion: "v1",
    kind: "Secret",
    metadata: { name: PULL_SECRET, namespace, labels: labels(PULL_SECRET) },
    type: "kubernetes.io/dockerconfigjson",
    data: { ".dockerconfigjson": pulumi.secret(base64(config)) },
  };
}
