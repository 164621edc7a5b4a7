/**
 * K3s's authorities, made here and put on the nodes before the first start (docs.k3s.io, "Using custom CA
 * certificates"): so the program can sign certificates that the API server believes, and a rebuilt cluster keeps them.
 * One root, and below it an authority for servers, one for clients, and one for the aggregation layer.
 */
import type * as pulumi from "@pulumi/pulumi";
import * as tls from "@pulumi/tls";
import { type Authority, createIntermediate, createLeaf, createRoot, type Leaf } from "../pki/index.ts";

export interface K3sPki {
  readonly serverCa: Authority;
  readonly clientCa: Authority;
  readonly requestHeaderCa: Authority;
  /** Signs the tokens of service accounts. PEM, secret. */
  readonly serviceAccountKey: pulumi.Output<string>;
}

export function createK3sPki(name: string, cluster: string, parent: pulumi.Resource): K3sPki {
  const root = createRoot(`${name}-root-ca`, `${cluster} root`, parent);
  const below = (role: string) =>
    createIntermediate(`${name}-${role}-ca`, root, `${cluster} ${role}`, parent);
  const key = new tls.PrivateKey(
    `${name}-service-account-key`,
    { algorithm: "RSA", rsaBits: 2048 },
    { parent },
  );
  return {
    serverCa: below("server"),
    clientCa: below("client"),
    requestHeaderCa: below("request-header"),
    serviceAccountKey: key.privateKeyPem,
  };
}

/** Who a client is for Kubernetes: the certificate's common name, and its organization as a group. */
export interface Identity {
  readonly user: string;
  readonly group?: string;
}

/** A client certificate that the API server believes, for a year; any `up` of its last 60 days renews it. */
export function issueClient(
  name: string,
  pki: K3sPki,
  { user, group }: Identity,
  parent: pulumi.Resource,
): Leaf {
  const subject = { commonName: user, ...(group !== undefined && { organization: group }) };
  return createLeaf(name, pki.clientCa, { ...subject, uses: ["client_auth"] }, parent);
}
