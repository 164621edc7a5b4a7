/**
 * Certificates of etcd: one authority for clients, another for peers, so that no client certificate opens the
 * replication port. Keys stay in the encrypted state and on the nodes.
 */
import type * as pulumi from "@pulumi/pulumi";
import * as tls from "@pulumi/tls";
import { createLeaf, createRoot, type KeyPair } from "../pki/index.ts";
import type { EtcdMember } from "./render.ts";

/** All certificates of a cluster. */
export interface EtcdPki {
  readonly clientCa: pulumi.Output<string>;
  readonly peerCa: pulumi.Output<string>;
  readonly servers: Readonly<Record<string, KeyPair>>;
  readonly peers: Readonly<Record<string, KeyPair>>;
  /** By etcd user. `patroni` has an empty subject: the JSON gateway refuses a certificate with a name. */
  readonly clients: Readonly<Record<"root" | "k3s" | "patroni", KeyPair>>;
  /** Signs the tokens of users with a password, on every member. PEM, secret. */
  readonly tokenKey: pulumi.Output<string>;
}

/**
 * Server certificates are also used as client certificates: by peers, and by the gateway that calls its own port.
 * etcd reads files at each handshake, so a renewal restarts nothing.
 */
const BOTH_WAYS = ["server_auth", "client_auth"];

export function createPki(name: string, members: readonly EtcdMember[], parent: pulumi.Resource): EtcdPki {
  const clientCa = createRoot(`${name}-client-ca`, `${name} clients`, parent);
  const peerCa = createRoot(`${name}-peer-ca`, `${name} peers`, parent);
  const perMember = (role: string, authority: KeyPair) =>
    Object.fromEntries(
      members.map(({ name: member, ip }) => [
        member,
        createLeaf(
          `${name}-${member}-${role}`,
          authority,
          { ips: [ip, "127.0.0.1"], dnsNames: [member, "localhost"], uses: BOTH_WAYS },
          parent,
        ),
      ]),
    );
  const client = (user: string, commonName?: string) =>
    createLeaf(
      `${name}-client-${user}`,
      clientCa,
      { ...(commonName !== undefined && { commonName }), uses: ["client_auth"] },
      parent,
    );
  const tokens = new tls.PrivateKey(
    `${name}-token-key`,
    { algorithm: "ECDSA", ecdsaCurve: "P256" },
    { parent },
  );
  return {
    clientCa: clientCa.cert,
    peerCa: peerCa.cert,
    servers: perMember("server", clientCa),
    peers: perMember("peer", peerCa),
    clients: { root: client("root", "root"), k3s: client("k3s", "k3s"), patroni: client("patroni") },
    tokenKey: tokens.privateKeyPem,
  };
}
