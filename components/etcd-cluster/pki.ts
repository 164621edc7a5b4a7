/**
 * Certificates of etcd: one authority for clients, another for peers, so that no client certificate opens the
 * replication port. Keys stay in the encrypted state and on the nodes.
 */
import type * as pulumi from "@pulumi/pulumi";
import * as tls from "@pulumi/tls";
import type { EtcdMember } from "./render.ts";

/** A certificate with its key; both PEM. */
export interface KeyPair {
  readonly cert: pulumi.Output<string>;
  /** Secret. */
  readonly key: pulumi.Output<string>;
}

interface Authority extends KeyPair {
  readonly algorithm: pulumi.Output<string>;
}

interface LeafArgs {
  /** etcd takes this for the user name of a client. @default - an empty subject */
  readonly commonName?: string;
  readonly ips?: readonly string[];
  readonly dnsNames?: readonly string[];
  readonly uses: readonly string[];
}

const HOURS_PER_YEAR = 8766;
const KEY = { algorithm: "ECDSA", ecdsaCurve: "P256" } as const;

const privateKey = (name: string, parent: pulumi.Resource) =>
  new tls.PrivateKey(`${name}-key`, KEY, { parent });

function createAuthority(name: string, commonName: string, parent: pulumi.Resource): Authority {
  const key = privateKey(name, parent);
  const cert = new tls.SelfSignedCert(
    name,
    {
      privateKeyPem: key.privateKeyPem,
      isCaCertificate: true,
      setSubjectKeyId: true,
      validityPeriodHours: 10 * HOURS_PER_YEAR,
      allowedUses: ["cert_signing", "crl_signing", "digital_signature"],
      subject: { commonName, organization: "GardenOS" },
    },
    { parent },
  );
  return { cert: cert.certPem, key: key.privateKeyPem, algorithm: key.algorithm };
}

function createLeaf(name: string, authority: Authority, args: LeafArgs, parent: pulumi.Resource): KeyPair {
  const key = privateKey(name, parent);
  const request = new tls.CertRequest(
    `${name}-request`,
    {
      privateKeyPem: key.privateKeyPem,
      ...(args.commonName !== undefined && { subject: { commonName: args.commonName } }),
      ...(args.ips && { ipAddresses: [...args.ips] }),
      ...(args.dnsNames && { dnsNames: [...args.dnsNames] }),
    },
    { parent },
  );
  const cert = new tls.LocallySignedCert(
    name,
    {
      certRequestPem: request.certRequestPem,
      caPrivateKeyPem: authority.key,
      caCertPem: authority.cert,
      validityPeriodHours: HOURS_PER_YEAR,
      // Renewed by any `up` of the last 60 days; etcd reads files at each handshake, so nothing restarts.
      earlyRenewalHours: 60 * 24,
      allowedUses: ["digital_signature", "key_encipherment", ...args.uses],
    },
    { parent },
  );
  return { cert: cert.certPem, key: key.privateKeyPem };
}

/** All certificates of a cluster. */
export interface EtcdPki {
  readonly clientCa: pulumi.Output<string>;
  readonly peerCa: pulumi.Output<string>;
  readonly servers: Readonly<Record<string, KeyPair>>;
  readonly peers: Readonly<Record<string, KeyPair>>;
  /** By etcd user. `patroni` has an empty subject: the JSON gateway refuses a certificate with a name. */
  readonly clients: Readonly<Record<"root" | "k3s" | "patroni", KeyPair>>;
}

/** Server certificates are also used as client certificates: by peers, and by the gateway that calls its own port. */
const BOTH_WAYS = ["server_auth", "client_auth"];

export function createPki(name: string, members: readonly EtcdMember[], parent: pulumi.Resource): EtcdPki {
  const clientCa = createAuthority(`${name}-client-ca`, `${name} clients`, parent);
  const peerCa = createAuthority(`${name}-peer-ca`, `${name} peers`, parent);
  const perMember = (role: string, authority: Authority) =>
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
  return {
    clientCa: clientCa.cert,
    peerCa: peerCa.cert,
    servers: perMember("server", clientCa),
    peers: perMember("peer", peerCa),
    clients: { root: client("root", "root"), k3s: client("k3s", "k3s"), patroni: client("patroni") },
  };
}
