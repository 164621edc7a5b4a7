/** Secrets of the members' pods, each a folder of files there. */
import * as pulumi from "@pulumi/pulumi";
import { POSTGRES } from "../../plan/postgres.ts";
import { base64 } from "../kubernetes/base64.ts";
import type { KubeObject } from "../kubernetes/objects.ts";
import { labels } from "../kubernetes/pods.ts";
import type { KeyPair } from "../pki/index.ts";
import { CONFIG, ETCD_SECRET, TLS_SECRET } from "./objects.ts";

function secret(name: string, files: Readonly<Record<string, pulumi.Input<string>>>): KubeObject {
  return {
    apiVersion: "v1",
    kind: "Secret",
    metadata: { name, namespace: POSTGRES.namespace, labels: labels(POSTGRES.name) },
    type: "Opaque",
    data: Object.fromEntries(
      Object.entries(files).map(([file, text]) => [file, pulumi.secret(base64(text))]),
    ),
  };
}

const pair = (name: string, ca: pulumi.Input<string>, { cert, key }: KeyPair): KubeObject =>
  secret(name, { "ca.crt": ca, "tls.crt": cert, "tls.key": key });

/** @param files of the folder of Patroni's configuration, by name */
export const configSecret = (files: Readonly<Record<string, pulumi.Input<string>>>): KubeObject =>
  secret(CONFIG, files);

/** Certificate of Postgres and of Patroni's REST API. */
export const tlsSecret = (ca: pulumi.Input<string>, member: KeyPair): KubeObject =>
  pair(TLS_SECRET, ca, member);

/** Certificate that opens a connection to etcd. */
export const etcdSecret = (ca: pulumi.Input<string>, client: KeyPair): KubeObject =>
  pair(ETCD_SECRET, ca, client);
