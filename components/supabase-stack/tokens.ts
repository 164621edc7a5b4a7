/**
 * JSON Web Keys and Tokens (RFC 7515, 7517, 7638). The same contents are the same token at every run, or each preview would show a change:
 * Node's own ECDSA draws a nonce, so the signature is by RFC 6979. Pure.
 */
import { createHash, createHmac, createPrivateKey } from "node:crypto";
import { p256 } from "@noble/curves/nist.js";

/** A private key on P-256. All fields base64url. */
export interface EcKey {
  readonly kid: string;
  readonly x: string;
  readonly y: string;
  /** Secret. */
  readonly d: string;
}

const base64url = (bytes: string | Uint8Array): string => Buffer.from(bytes).toString("base64url");

/** @param pem of the key, SEC 1 or PKCS #8. @throws when it is no key on P-256 */
export function ecKey(pem: string): EcKey {
  const { crv, kty, x, y, d } = createPrivateKey(pem).export({ format: "jwk" });
  if (crv !== "P-256" || kty !== "EC" || !x || !y || !d) throw new Error("this is no key on P-256");
  // In this order, without spaces: the thumbprint's own rule.
  const thumbprint = createHash("sha256").update(JSON.stringify({ crv, kty, x, y }));
  return { kid: thumbprint.digest("base64url"), x, y, d };
}

/** What others verify by. */
export const publicJwk = ({ kid, x, y }: EcKey): object => ({
  ...{ kty: "EC", crv: "P-256", alg: "ES256", use: "sig", kid, x, y },
  key_ops: ["verify"],
});

/** @param signs only one key of a set does */
export const privateJwk = (key: EcKey, signs: boolean): object => ({
  ...publicJwk(key),
  d: key.d,
  key_ops: signs ? ["sign", "verify"] : ["verify"],
});

/**
 * A shared secret as a key. Its name, without which one of two would take the other's place in GoTrue, is a hash of a hash: whoever
 * sees it in a token does not see what others may use the hash of the secret for.
 */
export function secretJwk(secret: string): object {
  const hash = createHash("sha256").update(secret).digest();
  const kid = createHash("sha256").update(hash).digest("base64url");
  return { kty: "oct", alg: "HS256", kid, k: base64url(secret) };
}

const unsigned = (header: object, claims: object): string =>
  `${base64url(JSON.stringify(header))}.${base64url(JSON.stringify(claims))}`;

/** By a shared secret. */
export function signHs256(claims: object, secret: string): string {
  const text = unsigned({ alg: "HS256", typ: "JWT" }, claims);
  return `${text}.${createHmac("sha256", secret).update(text).digest("base64url")}`;
}

/** By a private key, whose `kid` tells which one. */
export function signEs256(claims: object, { kid, d }: EcKey): string {
  const text = unsigned({ alg: "ES256", typ: "JWT", kid }, claims);
  return `${text}.${base64url(p256.sign(Buffer.from(text), Buffer.from(d, "base64url"), { lowS: false }))}`;
}
