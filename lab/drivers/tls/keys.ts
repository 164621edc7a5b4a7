/** Private keys in every form the `tls` provider gives them out. */
import {
  createHash,
  createPrivateKey,
  createPublicKey,
  generateKeyPair,
  type KeyObject,
  randomBytes,
} from "node:crypto";
import { promisify } from "node:util";

const generate = promisify(generateKeyPair);

export type KeyAlgorithm = "RSA" | "ECDSA" | "ED25519";

/** Elliptic curves by the provider's names. */
export const CURVES = {
  P224: "secp224r1",
  P256: "prime256v1",
  P384: "secp384r1",
  P521: "secp521r1",
} as const;

export interface KeySpec {
  readonly algorithm: KeyAlgorithm;
  readonly rsaBits: number;
  readonly ecdsaCurve: keyof typeof CURVES;
}

export async function generatePrivateKey(spec: KeySpec): Promise<KeyObject> {
  switch (spec.algorithm) {
    case "ED25519":
      return (await generate("ed25519")).privateKey;
    case "ECDSA":
      return (await generate("ec", { namedCurve: CURVES[spec.ecdsaCurve] })).privateKey;
    case "RSA":
      return (await generate("rsa", { modulusLength: spec.rsaBits })).privateKey;
  }
}

/** The provider's name for the algorithm of a key. */
export function algorithmOf(key: KeyObject): KeyAlgorithm {
  switch (key.asymmetricKeyType) {
    case "rsa":
      return "RSA";
    case "ec":
      return "ECDSA";
    case "ed25519":
      return "ED25519";
    default:
      throw new Error(
        `tls: a key of type ${key.asymmetricKeyType} is not supported: use RSA, ECDSA or ED25519`,
      );
  }
}

/** Reads a PEM private key; the error names the property, never the text. */
export function readPrivateKey(pem: string, property: string): KeyObject {
  try {
    return createPrivateKey(pem);
  } catch {
    throw new Error(`tls: ${property} is no PEM private key: pass privateKeyPem of a tls.PrivateKey`);
  }
}

/** PEM in the older, algorithm-specific form, as the provider's `privateKeyPem`. */
function traditionalPem(key: KeyObject): string {
  const form = { RSA: "pkcs1", ECDSA: "sec1", ED25519: "pkcs8" } as const;
  return key.export({ format: "pem", type: form[algorithmOf(key)] }).toString();
}

/** A length-prefixed string of RFC 4251. */
function sshString(value: string | Buffer): Buffer {
  const bytes = typeof value === "string" ? Buffer.from(value) : value;
  const length = Buffer.alloc(4);
  length.writeUInt32BE(bytes.length);
  return Buffer.concat([length, bytes]);
}

/** A positive multiple-precision integer of RFC 4251, from base64url as JWK has it. */
function sshInteger(base64url: string | undefined): Buffer {
  const bytes = Buffer.from(base64url ?? "", "base64url");
  const start = bytes.findIndex((byte) => byte !== 0);
  const digits = start < 0 ? Buffer.alloc(0) : bytes.subarray(start);
  return sshString((digits[0] ?? 0) > 0x7f ? Buffer.concat([Buffer.from([0]), digits]) : digits);
}

interface SshKeyParts {
  readonly name: string;
  readonly publicFields: readonly Buffer[];
  readonly privateFields: readonly Buffer[];
}

/** The fields of a key in SSH's formats; undefined for P224, which SSH has no name for. */
function sshParts(key: KeyObject): SshKeyParts | undefined {
  if (key.asymmetricKeyDetails?.namedCurve === CURVES.P224) return undefined;
  const jwk = key.export({ format: "jwk" });
  const raw = (value: string | undefined): Buffer => Buffer.from(value ?? "", "base64url");
  switch (algorithmOf(key)) {
    case "ED25519": {
      const point = raw(jwk.x);
      return {
        name: "ssh-ed25519",
        publicFields: [sshString(point)],
        privateFields: [sshString(point), sshString(Buffer.concat([raw(jwk.d), point]))],
      };
    }
    case "ECDSA": {
      const curve = `nistp${jwk.crv?.slice(2)}`;
      const publicFields = [sshString(curve), sshString(ecPoint(key))];
      return {
        name: `ecdsa-sha2-${curve}`,
        publicFields,
        privateFields: [...publicFields, sshInteger(jwk.d)],
      };
    }
    case "RSA":
      return {
        name: "ssh-rsa",
        publicFields: [sshInteger(jwk.e), sshInteger(jwk.n)],
        privateFields: [jwk.n, jwk.e, jwk.d, jwk.qi, jwk.p, jwk.q].map(sshInteger),
      };
  }
}

/** The uncompressed point of a P256, P384 or P521 key, public or private. */
export function ecPoint(key: KeyObject): Buffer {
  const { x = "", y = "" } = key.export({ format: "jwk" });
  return Buffer.concat([Buffer.from([4]), Buffer.from(x, "base64url"), Buffer.from(y, "base64url")]);
}

/** OpenSSH's own private key file, unencrypted (PROTOCOL.key of OpenSSH). */
function opensshPrivateKey(parts: SshKeyParts): string {
  const publicBlob = Buffer.concat([sshString(parts.name), ...parts.publicFields]);
  const check = randomBytes(4);
  const secret = Buffer.concat([check, check, sshString(parts.name), ...parts.privateFields, sshString("")]);
  const padding = Buffer.from(Array.from({ length: (8 - (secret.length % 8)) % 8 }, (_, i) => i + 1));
  const one = Buffer.from([0, 0, 0, 1]);
  const file = Buffer.concat([
    Buffer.from("openssh-key-v1\0"),
    sshString("none"),
    sshString("none"),
    sshString(""),
    one,
    sshString(publicBlob),
    sshString(Buffer.concat([secret, padding])),
  ]);
  const lines = file.toString("base64").replace(/.{64}(?=.)/g, "$&\n");
  return `-----BEGIN OPENSSH PRIVATE KEY-----\n${lines}\n-----END OPENSSH PRIVATE KEY-----\n`;
}

/** The computed outputs of a tls.PrivateKey. SSH forms are empty for P224. */
export function privateKeyOutputs(key: KeyObject): Record<string, string> {
  const parts = sshParts(key);
  const blob = parts && Buffer.concat([sshString(parts.name), ...parts.publicFields]);
  const md5 = blob && createHash("md5").update(blob).digest("hex").match(/../g)?.join(":");
  const sha256 = blob && createHash("sha256").update(blob).digest("base64").replace(/=+$/, "");
  return {
    privateKeyPem: traditionalPem(key),
    privateKeyPemPkcs8: key.export({ format: "pem", type: "pkcs8" }).toString(),
    privateKeyOpenssh: parts ? opensshPrivateKey(parts) : "",
    publicKeyPem: createPublicKey(key).export({ format: "pem", type: "spki" }).toString(),
    publicKeyOpenssh: parts && blob ? `${parts.name} ${blob.toString("base64")}\n` : "",
    publicKeyFingerprintMd5: md5 ?? "",
    publicKeyFingerprintSha256: sha256 ? `SHA256:${sha256}` : "",
  };
}

/** Hex SHA-1 of the public key's DER form: the id of a tls.PrivateKey. */
export function publicKeyId(key: KeyObject): string {
  const der = createPublicKey(key).export({ format: "der", type: "spki" });
  return createHash("sha1").update(der).digest("hex");
}
