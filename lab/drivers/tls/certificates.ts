/** Makes and signs certificates and requests, as the `tls` provider does with Go's crypto/x509. */
// @peculiar/x509 registers its algorithms through it, so it comes first.
import "reflect-metadata";
import { createPublicKey, type KeyObject, randomBytes, webcrypto } from "node:crypto";
import * as x509 from "@peculiar/x509";
import {
  alternativeNames,
  type Names,
  nameOf,
  subjectKeyId,
  type Usage,
  usageExtensions,
} from "./extensions.ts";
import { algorithmOf } from "./keys.ts";

const HOUR_MS = 3_600_000;

/** A certificate as the provider's outputs have it. `id` is the serial number in decimal. */
export interface Issued {
  readonly id: string;
  readonly outputs: {
    readonly certPem: string;
    readonly validityStartTime: string;
    readonly validityEndTime: string;
  };
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
