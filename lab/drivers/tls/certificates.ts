/** Certificates and requests as Go's crypto/x509 writes them, which is what the `tls` provider uses. */
// @peculiar/x509 registers its algorithms through it, so it comes first.
import "reflect-metadata";
import { createHash, createPublicKey, type KeyObject, randomBytes, webcrypto } from "node:crypto";
import { isIP } from "node:net";
import * as x509 from "@peculiar/x509";
import { algorithmOf, ecPoint } from "./keys.ts";

const HOUR_MS = 3_600_000;

/** RFC 5280 key usages by the provider's names. */
const KEY_USAGES: Readonly<Record<string, x509.KeyUsageFlags>> = {
  digital_signature: x509.KeyUsageFlags.digitalSignature,
  content_commitment: x509.KeyUsageFlags.nonRepudiation,
  key_encipherment: x509.KeyUsageFlags.keyEncipherment,
  data_encipherment: x509.KeyUsageFlags.dataEncipherment,
  key_agreement: x509.KeyUsageFlags.keyAgreement,
  cert_signing: x509.KeyUsageFlags.keyCertSign,
  crl_signing: x509.KeyUsageFlags.cRLSign,
  encipher_only: x509.KeyUsageFlags.encipherOnly,
  decipher_only: x509.KeyUsageFlags.decipherOnly,
};

/** RFC 5280 extended key usages by the provider's names; vendors' own are left out. */
const EXTENDED_KEY_USAGES: Readonly<Record<string, string>> = {
  any_extended: "2.5.29.37.0",
  server_auth: "1.3.6.1.5.5.7.3.1",
  client_auth: "1.3.6.1.5.5.7.3.2",
  code_signing: "1.3.6.1.5.5.7.3.3",
  email_protection: "1.3.6.1.5.5.7.3.4",
  timestamping: "1.3.6.1.5.5.7.3.8",
  ocsp_signing: "1.3.6.1.5.5.7.3.9",
};

/** Every name that `allowedUses` takes. */
export const ALLOWED_USES = [...Object.keys(KEY_USAGES), ...Object.keys(EXTENDED_KEY_USAGES)];

/** Distinguished name parts by the provider's names, in the order Go writes them. */
const SUBJECT_PARTS = [
  ["country", "2.5.4.6"],
  ["organization", "2.5.4.10"],
  ["organizationalUnit", "2.5.4.11"],
  ["locality", "2.5.4.7"],
  ["province", "2.5.4.8"],
  ["streetAddresses", "2.5.4.9"],
  ["postalCode", "2.5.4.17"],
  ["commonName", "2.5.4.3"],
  ["serialNumber", "2.5.4.5"],
  ["emailAddress", "1.2.840.113549.1.9.1"],
] as const;
const EMAIL_OID = "1.2.840.113549.1.9.1";

export type Subject = {
  readonly [part in (typeof SUBJECT_PARTS)[number][0]]?: string | readonly string[] | undefined;
};

export interface Names {
  readonly subject?: Subject | undefined;
  readonly dnsNames?: readonly string[] | undefined;
  readonly ipAddresses?: readonly string[] | undefined;
  readonly uris?: readonly string[] | undefined;
}

/** What a certificate may be used for, and for how long. */
export interface Usage {
  readonly allowedUses: readonly string[];
  readonly validityPeriodHours: number;
  readonly isCaCertificate: boolean;
  readonly setSubjectKeyId: boolean;
  /** Intermediates that may follow; undefined for no limit. The provider takes 0 for no limit too. */
  readonly maxPathLength?: number | undefined;
}

/** A certificate as the provider's outputs have it. `id` is the serial number in decimal. */
export interface Issued {
  readonly id: string;
  readonly outputs: {
    readonly certPem: string;
    readonly validityStartTime: string;
    readonly validityEndTime: string;
  };
}

function nameOf(subject: Subject | undefined): x509.Name {
  const rdns = SUBJECT_PARTS.flatMap(([part, oid]) => {
    const value = subject?.[part];
    const values = value === undefined ? [] : [value].flat();
    if (values.length === 0) return [];
    return [{ [oid]: values.map((text) => (oid === EMAIL_OID ? { ia5String: text } : stringType(text))) }];
  });
  return new x509.Name(rdns);
}

/** PrintableString where the alphabet allows, else UTF-8: Go's choice, and Go compares names byte by byte. */
function stringType(text: string): { printableString: string } | { utf8String: string } {
  return /^[A-Za-z0-9 '()+,\-./:=?]*$/.test(text) ? { printableString: text } : { utf8String: text };
}

/** RFC 5280 4.2.1.6: with an empty subject the alternative names are critical. */
function alternativeNames(names: Names, critical: boolean): x509.Extension[] {
  const { dnsNames = [], ipAddresses = [], uris = [] } = names;
  const bad = ipAddresses.find((ip) => isIP(ip) === 0);
  if (bad !== undefined) throw new Error(`tls: ipAddresses: "${bad}" is no IP address`);
  const all: x509.JsonGeneralNames = [
    ...dnsNames.map((value) => ({ type: "dns" as const, value })),
    ...ipAddresses.map((value) => ({ type: "ip" as const, value })),
    ...uris.map((value) => ({ type: "url" as const, value })),
  ];
  return all.length === 0 ? [] : [new x509.SubjectAlternativeNameExtension(all, critical)];
}

interface SigningKeys {
  readonly pair: CryptoKeyPair;
  readonly algorithm: { readonly name: string; readonly hash?: string };
}
type CryptoKeyPair = webcrypto.CryptoKeyPair;

/** The key in WebCrypto's form, and the signature algorithm Go picks for it. */
function signingKeys(key: KeyObject): SigningKeys {
  const publicKey = createPublicKey(key);
  const both = (algorithm: Parameters<KeyObject["toCryptoKey"]>[0]): CryptoKeyPair => ({
    privateKey: key.toCryptoKey(algorithm, true, ["sign"]),
    publicKey: publicKey.toCryptoKey(algorithm, true, ["verify"]),
  });
  const kind = algorithmOf(key);
  if (kind === "ED25519") return { pair: both("Ed25519"), algorithm: { name: "Ed25519" } };
  if (kind === "RSA") {
    const algorithm = { name: "RSASSA-PKCS1-v1_5", hash: "SHA-256" };
    return { pair: both(algorithm), algorithm };
  }
  const bits = { prime256v1: "256", secp384r1: "384", secp521r1: "521" }[
    key.asymmetricKeyDetails?.namedCurve ?? ""
  ];
  if (bits === undefined)
    throw new Error("tls: the lab signs nothing with P224 keys: set ecdsaCurve to P256, P384 or P521");
  const hash = bits === "521" ? "SHA-512" : `SHA-${bits}`;
  return {
    pair: both({ name: "ECDSA", namedCurve: `P-${bits}` }),
    algorithm: { name: "ECDSA", hash },
  };
}

/** Hex SHA-1 as the provider computes it, which for Ed25519 covers the OCTET STRING's header too. */
function subjectKeyId(publicKey: KeyObject): string {
  const kind = algorithmOf(publicKey);
  const sha1 = createHash("sha1");
  if (kind === "RSA") sha1.update(publicKey.export({ format: "der", type: "pkcs1" }));
  else if (kind === "ECDSA") sha1.update(ecPoint(publicKey));
  else {
    const raw = Buffer.from(publicKey.export({ format: "jwk" }).x ?? "", "base64url");
    sha1.update(Buffer.from([0x04, raw.length])).update(raw);
  }
  return sha1.digest("hex");
}

function usageExtensions(usage: Usage, publicKey: KeyObject): x509.Extension[] {
  const flags = usage.allowedUses.reduce((all, use) => all | (KEY_USAGES[use] ?? 0), 0);
  const extended = usage.allowedUses.flatMap((use) => EXTENDED_KEY_USAGES[use] ?? []);
  const maxPathLength = (usage.maxPathLength ?? 0) > 0 ? usage.maxPathLength : undefined;
  const ca = usage.isCaCertificate;
  return [
    ...(flags === 0 ? [] : [new x509.KeyUsagesExtension(flags, true)]),
    ...(extended.length === 0 ? [] : [new x509.ExtendedKeyUsageExtension(extended)]),
    new x509.BasicConstraintsExtension(ca, ca ? maxPathLength : undefined, true),
    ...(ca || usage.setSubjectKeyId ? [new x509.SubjectKeyIdentifierExtension(subjectKeyId(publicKey))] : []),
  ];
}

interface Issue {
  readonly subject: x509.Name;
  readonly issuer: x509.Name;
  readonly publicKey: KeyObject;
  readonly signer: KeyObject;
  readonly usage: Usage;
  readonly authorityKeyId?: string | undefined;
  readonly alternativeNames: readonly x509.Extension[];
}

async function issue(request: Issue): Promise<Issued> {
  const { pair, algorithm } = signingKeys(request.signer);
  const serialNumber = randomBytes(16).toString("hex");
  const notBefore = new Date();
  const notAfter = new Date(notBefore.getTime() + request.usage.validityPeriodHours * HOUR_MS);
  const certificate = await x509.X509CertificateGenerator.create(
    {
      serialNumber,
      subject: request.subject,
      issuer: request.issuer,
      notBefore,
      notAfter,
      publicKey: request.publicKey.export({ format: "der", type: "spki" }),
      signingKey: pair.privateKey,
      signingAlgorithm: algorithm,
      extensions: [
        ...usageExtensions(request.usage, request.publicKey),
        ...(request.authorityKeyId ? [new x509.AuthorityKeyIdentifierExtension(request.authorityKeyId)] : []),
        ...request.alternativeNames,
      ],
    },
    webcrypto,
  );
  return {
    id: BigInt(`0x${serialNumber}`).toString(),
    outputs: {
      certPem: `${certificate.toString("pem")}\n`,
      validityStartTime: notBefore.toISOString(),
      validityEndTime: notAfter.toISOString(),
    },
  };
}

export async function createRequest(key: KeyObject, names: Names): Promise<string> {
  const { pair, algorithm } = signingKeys(key);
  const request = await x509.Pkcs10CertificateRequestGenerator.create(
    {
      name: nameOf(names.subject),
      keys: pair,
      signingAlgorithm: algorithm,
      extensions: alternativeNames(names, false),
    },
    webcrypto,
  );
  return `${request.toString("pem")}\n`;
}

export interface SelfSignOptions extends Usage {
  readonly setAuthorityKeyId: boolean;
}

export async function selfSign(key: KeyObject, names: Names, options: SelfSignOptions): Promise<Issued> {
  const publicKey = createPublicKey(key);
  const subject = nameOf(names.subject);
  const isEmpty = subject.toJSON().length === 0;
  if (options.isCaCertificate && isEmpty)
    throw new Error("tls: subject is empty: a certificate authority needs a name, for example commonName");
  const hasKeyId = options.isCaCertificate || options.setSubjectKeyId;
  if (options.setAuthorityKeyId && !hasKeyId)
    throw new Error("tls: setAuthorityKeyId needs setSubjectKeyId on a self-signed certificate");
  return issue({
    subject,
    issuer: subject,
    publicKey,
    signer: key,
    usage: options,
    authorityKeyId: options.setAuthorityKeyId ? subjectKeyId(publicKey) : undefined,
    alternativeNames: alternativeNames(names, isEmpty),
  });
}

export interface Authority {
  readonly certPem: string;
  readonly key: KeyObject;
}

/** Reads a PEM block; the error names the property, never the text. */
function readPem<T>(read: () => T, property: string, want: string): T {
  try {
    return read();
  } catch {
    throw new Error(`tls: ${property} can't be read: pass ${want}`);
  }
}

/** Signs a request; names and key come from the request. `warn` hears of an issuer that is no authority. */
export async function signRequest(
  requestPem: string,
  authority: Authority,
  usage: Usage,
  warn: (message: string) => void,
): Promise<Issued> {
  const request = readPem(
    () => new x509.Pkcs10CertificateRequest(requestPem),
    "certRequestPem",
    "certRequestPem of a tls.CertRequest",
  );
  const ca = readPem(
    () => new x509.X509Certificate(authority.certPem),
    "caCertPem",
    "certPem of a certificate",
  );
  const caKey = createPublicKey(authority.key).export({ format: "der", type: "spki" });
  if (!caKey.equals(Buffer.from(ca.publicKey.rawData)))
    throw new Error("tls: caPrivateKeyPem does not belong to caCertPem: pass the key the CA was made with");
  if (ca.getExtension(x509.BasicConstraintsExtension)?.ca !== true)
    warn("caCertPem is no certificate authority: clients will refuse what it signs");
  const isEmpty = request.subjectName.toJSON().length === 0;
  const names = request.extensions.find(
    (extension) => extension instanceof x509.SubjectAlternativeNameExtension,
  );
  return issue({
    subject: request.subjectName,
    issuer: ca.subjectName,
    publicKey: createPublicKey({
      key: Buffer.from(request.publicKey.rawData),
      format: "der",
      type: "spki",
    }),
    signer: authority.key,
    usage,
    authorityKeyId: ca.getExtension(x509.SubjectKeyIdentifierExtension)?.keyId,
    alternativeNames: names ? [new x509.SubjectAlternativeNameExtension(names.names.toJSON(), isEmpty)] : [],
  });
}
