/** How pods of any namespace have the authority of the database's certificates: no secret. */
import type * as pulumi from "@pulumi/pulumi";
import type { KubeObject } from "./objects.ts";
import { labels } from "./pods.ts";

const NAME = "database-ca";
const FOLDER = "/etc/gardenos/database";
const FILE = "ca.crt";

/** Path of the file in a container with {@link DATABASE_CA_MOUNT}. */
export const DATABASE_CA = `${FOLDER}/${FILE}`;

export const DATABASE_CA_VOLUME = { name: "database", configMap: { name: NAME } };
export const DATABASE_CA_MOUNT = { name: "database", mountPath: FOLDER, readOnly: true };

/** @param pem the authority */
export const databaseCa = (namespace: string, pem: pulumi.Input<string>): KubeObject => ({
  apiVersion: "v1",
  kind: "ConfigMap",
  metadata: { name: NAME, namespace, labels: labels(NAME) },
  data: { [FILE]: pem },
});
