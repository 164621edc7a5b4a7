/** All keys of a Supabase stack, from what was drawn once. Formats: supabase.com/docs, "Self-hosted auth keys". Pure. */
import { createHash } from "node:crypto";
import { ecKey, privateJwk, publicJwk, secretJwk, signEs256, signHs256 } from "./tokens.ts";

/** One generation of keys. */
export interface KeyMaterial {
  /** JWT_SECRET, 32 characters or more. */
  readonly secret: string;
  /** Private key on P-256. */
  readonly pem: string;
  /** What its keys without a meaning are made of: 22 letters and digits each. */
  readonly opaque: { readonly publishable: string; readonly secret: string };
}

export interface KeysInput {
  /** By name of the generation: keys and tokens of each of them are accepted. */
  readonly generations: Readonly<Record<string, KeyMaterial>>;
  /** The generation that signs. */
  readonly signing: string;
  /** Of the tokens that stand for keys: RFC 3339. Fixed, so that no run makes new ones. */
  readonly issuedAt: string;
  readonly expiresAt: string;
}

/** Everything is secret but `publishableKey` and `anonKey`, which clients have. */
export interface SupabaseKeys {
  /** GOTRUE_JWT_SECRET: of the generation that signs. */
  readonly jwtSecret: string;
  /** GOTRUE_JWT_KEYS: private keys, as JSON. */
  readonly signingKeys: string;
  /** What everybody verifies tokens by, as JSON. Has the shared secrets, so it is no public document. */
  readonly jwks: string;
  /** Legacy keys of the generation that signs: tokens by the shared secret. */
  readonly anonKey: string;
  readonly serviceRoleKey: string;
  readonly publishableKey: string;
  readonly secretKey: string;
  /** What clients may show as a key, of every accepted generation → the token, by the key that signs, that services see in place of it. */
  readonly tokens: Readonly<Record<string, string>>;
}

const CHECKSUM_OF = "supabase-self-hosted";

/** A key without any meaning but its checksum, which tells a typing error from a stranger's key. */
function opaqueKey(prefix: "sb_publishable_" | "sb_secret_", drawn: string): string {
  const key = `${prefix}${drawn}`;
  const checksum = createHash("sha256").update(`${CHECKSUM_OF}|${key}`).digest("base64url").slice(0, 8);
  return `${key}_${checksum}`;
}

const epoch = (time: string): number => Math.floor(Date.parse(time) / 1000);

type ClientKeys = Pick<SupabaseKeys, "anonKey" | "serviceRoleKey" | "publishableKey" | "secretKey">;
type Claims = (role: "anon" | "service_role") => object;

/** What clients of one generation have. */
const clientKeys = ({ secret, opaque }: KeyMaterial, claims: Claims): ClientKeys => ({
  anonKey: signHs256(claims("anon"), secret),
  serviceRoleKey: signHs256(claims("service_role"), secret),
  publishableKey: opaqueKey("sb_publishable_", opaque.publishable),
  secretKey: opaqueKey("sb_secret_", opaque.secret),
});

function tokensOf(all: readonly ClientKeys[], anon: string, serviceRole: string): SupabaseKeys["tokens"] {
  const pairs = all.flatMap(({ anonKey, serviceRoleKey, publishableKey, secretKey }) => [
    ...[anonKey, publishableKey].map((key) => [key, anon]),
    ...[serviceRoleKey, secretKey].map((key) => [key, serviceRole]),
  ]);
  return Object.fromEntries(pairs);
}

/** @throws Error when the generation that signs is none of those that are accepted */
export function supabaseKeys({ generations, signing, ...times }: KeysInput): SupabaseKeys {
  const material = generations[signing];
  if (!material) throw new Error(`no keys are called ${signing}`);
  // The one that signs comes first: what looks at one key only looks at that.
  const names = [signing, ...Object.keys(generations).filter((name) => name !== signing)];
  const all = names.flatMap((name) => generations[name] ?? []);
  const keys = all.map(({ pem }) => ecKey(pem));
  const secrets = all.map(({ secret }) => secretJwk(secret));
  const claims: Claims = (role) => ({
    ...{ role, iss: "supabase", iat: epoch(times.issuedAt), exp: epoch(times.expiresAt) },
  });
  const key = ecKey(material.pem);
  const [anon, serviceRole] = [signEs256(claims("anon"), key), signEs256(claims("service_role"), key)];
  const clients = all.map((each) => clientKeys(each, claims));
  return {
    jwtSecret: material.secret,
    signingKeys: JSON.stringify([...keys.map((each, i) => privateJwk(each, i === 0)), ...secrets]),
    jwks: JSON.stringify({ keys: [...keys.map(publicJwk), ...secrets] }),
    ...clientKeys(material, claims),
    tokens: tokensOf(clients, anon, serviceRole),
  };
}
