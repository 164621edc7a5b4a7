/**
 * Authorities and certificates, all ECDSA P-256, made by the tls provider: keys stay in the encrypted state and on the
 * machines that need them.
 */
import * as pulumi from "@pulumi/pulumi";
import * as tls from "@pulumi/tls";

/** A certificate with its key; both PEM. */
export interface KeyPair {
  readonly cert: pulumi.Output<string>;
  /** Secret. */
  readonly key: pulumi.Output<string>;
}

/** A certificate that somebody shows. */
export interface Leaf extends KeyPair {
  /** RFC 3339. */
  readonly expires: pulumi.Output<string>;
}

/** Something that signs. */
export interface Authority extends KeyPair {
  /** The certificate and those that signed it, up to the root, PEM. */
  readonly chain: pulumi.Output<string>;
}

export interface LeafArgs {
  /** Takes the place of a user's name for clients. @default - an empty subject */
  readonly commonName?: string;
  /** Takes the place of a client's group in Kubernetes. */
  readonly organization?: string;
  readonly ips?: readonly string[];
  readonly dnsNames?: readonly string[];
  /** `server_auth`, `client_auth`. */
  readonly uses: readonly string[];
}

const HOURS_PER_YEAR = 8766;
const AUTHORITY_YEARS = 10;
const KEY = { algorithm: "ECDSA", ecdsaCurve: "P256" } as const;
const AUTHORITY_USES = ["cert_signing", "crl_signing", "digital_signature"];

const privateKey = (name: string, parent: pulumi.Resource) =>
  new tls.PrivateKey(`${name}-key`, KEY, { parent });

/** A self-signed authority, valid for ten years. */
export function createRoot(name: string, commonName: string, parent: pulumi.Resource): Authority {
  const key = privateKey(name, parent);
  const cert = new tls.SelfSignedCert(
    name,
    {
      privateKeyPem: key.privateKeyPem,
      isCaCertificate: true,
      setSubjectKeyId: true,
      validityPeriodHours: AUTHORITY_YEARS * HOURS_PER_YEAR,
      allowedUses: AUTHORITY_USES,
      subject: { commonName, organization: "GardenOS" },
    },
    { parent },
  );
  return { cert: cert.certPem, key: key.privateKeyPem, chain: cert.certPem };
}

/** What a request asks for, and what the issuer says beside its signature. */
interface Signing {
  readonly request: Omit<tls.CertRequestArgs, "privateKeyPem">;
  readonly cert: Omit<tls.LocallySignedCertArgs, "certRequestPem" | "caPrivateKeyPem" | "caCertPem">;
}

/** A key, the request for it, and the issuer's certificate. */
function sign(name: string, issuer: KeyPair, signing: Signing, parent: pulumi.Resource) {
  const key = privateKey(name, parent);
  const request = new tls.CertRequest(
    `${name}-request`,
    { privateKeyPem: key.privateKeyPem, ...signing.request },
    { parent },
  );
  const cert = new tls.LocallySignedCert(
    name,
    {
      certRequestPem: request.certRequestPem,
      caPrivateKeyPem: issuer.key,
      caCertPem: issuer.cert,
      ...signing.cert,
    },
    { parent },
  );
  return { cert: cert.certPem, key: key.privateKeyPem, expires: cert.validityEndTime };
}

/** An authority that another one signed, valid for ten years. */
export function createIntermediate(
  name: string,
  issuer: Authority,
  commonName: string,
  parent: pulumi.Resource,
): Authority {
  const signing = {
    request: { subject: { commonName, organization: "GardenOS" } },
    cert: {
      isCaCertificate: true,
      setSubjectKeyId: true,
      validityPeriodHours: AUTHORITY_YEARS * HOURS_PER_YEAR,
      allowedUses: AUTHORITY_USES,
    },
  };
  const { cert, key } = sign(name, issuer, signing, parent);
  return { cert, key, chain: pulumi.interpolate`${cert}${issuer.chain}` };
}

/** A certificate for a year. Any `up` of its last 60 days renews it. */
export function createLeaf(name: string, issuer: KeyPair, args: LeafArgs, parent: pulumi.Resource): Leaf {
  const { commonName, organization } = args;
  const subject = { ...(commonName !== undefined && { commonName }), ...(organization && { organization }) };
  const signing = {
    request: {
      ...(Object.keys(subject).length > 0 && { subject }),
      ...(args.ips && { ipAddresses: [...args.ips] }),
      ...(args.dnsNames && { dnsNames: [...args.dnsNames] }),
    },
    cert: {
      validityPeriodHours: HOURS_PER_YEAR,
      earlyRenewalHours: 60 * 24,
      allowedUses: ["digital_signature", "key_encipherment", ...args.uses],
    },
  };
  return sign(name, issuer, signing, parent);
}
