/** Keys of a Supabase stack: who accepts which token, and that no run makes others. */
import {
  createHash,
  createHmac,
  createPublicKey,
  generateKeyPairSync,
  type JsonWebKey,
  verify,
} from "node:crypto";
import { describe, expect, it } from "vitest";
import { type KeyMaterial, type KeysInput, supabaseKeys } from "../../components/supabase-stack/keys.ts";

function material(letter: string): KeyMaterial {
  const { privateKey } = generateKeyPairSync("ec", { namedCurve: "P-256" });
  const secret = Math.random().toString(36).repeat(4).slice(0, 40);
  const opaque = { publishable: letter.repeat(22), secret: letter.toUpperCase().repeat(22) };
  return { secret, pem: privateKey.export({ type: "sec1", format: "pem" }).toString(), opaque };
}

const [a, b, c] = [material("a"), material("b"), material("c")];

const keys = (changes: Partial<KeysInput> = {}) =>
  supabaseKeys({
    ...{
      generations: { a },
      signing: "a",
      issuedAt: "2026-11-01T00:00:00Z",
      expiresAt: "2031-11-01T00:00:00Z",
    },
    ...changes,
  });

type Keys = ReturnType<typeof keys>;
const anonToken = ({ tokens, publishableKey }: Keys) => tokens[publishableKey] ?? "";
const serviceRoleToken = ({ tokens, secretKey }: Keys) => tokens[secretKey] ?? "";

type Jwk = JsonWebKey & { readonly kid?: string; readonly key_ops?: readonly string[] };

/** As a service does: with the key that the token names, or with any where it names none. */
function accepts(jwks: string, token: string): boolean {
  const [head = "", body = "", signature = ""] = token.split(".");
  const { alg, kid } = JSON.parse(Buffer.from(head, "base64url").toString());
  const { keys: all } = JSON.parse(jwks) as { keys: readonly Jwk[] };
  const text = `${head}.${body}`;
  return all.some((key) => {
    if (alg === "HS256" && key.kty === "oct") {
      return (
        createHmac("sha256", Buffer.from(key.k ?? "", "base64url"))
          .update(text)
          .digest("base64url") === signature
      );
    }
    if (alg !== "ES256" || key.kty !== "EC" || key.kid !== kid) return false;
    const publicKey = createPublicKey({ key, format: "jwk" });
    const how = { key: publicKey, dsaEncoding: "ieee-p1363" } as const;
    return verify("sha256", Buffer.from(text), how, Buffer.from(signature, "base64url"));
  });
}

const claimsOf = (token: string) =>
  JSON.parse(Buffer.from(token.split(".")[1] ?? "", "base64url").toString());

describe("the keys of a stack", () => {
  it("are accepted by it, legacy and new ones", () => {
    const all = keys();
    const { jwks, anonKey, serviceRoleKey } = all;
    for (const token of [anonKey, serviceRoleKey, anonToken(all), serviceRoleToken(all)])
      expect(accepts(jwks, token)).toBe(true);
  });

  it("are not accepted by another one", () => {
    const other = keys({ generations: { b }, signing: "b" });
    for (const token of [other.anonKey, anonToken(other)]) expect(accepts(keys().jwks, token)).toBe(false);
  });

  it("are the same at every run, with the times that are configured", () => {
    expect(keys()).toEqual(keys());
    expect(claimsOf(serviceRoleToken(keys()))).toEqual({
      ...{ role: "service_role", iss: "supabase" },
      ...{ iat: Date.parse("2026-11-01") / 1000, exp: Date.parse("2031-11-01") / 1000 },
    });
  });

  it("that have no meaning have a checksum", () => {
    // By Supabase's own script: the first eight characters of a hash of the project and the key.
    expect(keys().publishableKey).toMatch(/^sb_publishable_a{22}_[\w-]{8}$/);
    expect(keys().secretKey).toMatch(/^sb_secret_A{22}_[\w-]{8}$/);
    expect(keys().publishableKey.slice(-8)).not.toBe(keys().secretKey.slice(-8));
  });

  it("that clients and services verify by have no private part", () => {
    expect(JSON.parse(keys().jwks).keys.filter((key: Jwk) => key.kty === "EC" && key.d)).toEqual([]);
  });
});

describe("a rotation", () => {
  it("accepts what comes before it signs by it, and what was before until it is taken away", () => {
    const before = keys();
    const announced = keys({ generations: { a, b } });
    const turned = keys({ generations: { a, b }, signing: "b" });
    const after = keys({ generations: { b }, signing: "b" });
    expect(anonToken(announced)).toBe(anonToken(before));
    for (const each of [before, turned]) {
      for (const token of [each.anonKey, anonToken(each)]) {
        expect([announced, turned].map(({ jwks }) => accepts(jwks, token))).toEqual([true, true]);
      }
    }
    expect([before.anonKey, anonToken(before)].map((token) => accepts(after.jwks, token))).toEqual([
      false,
      false,
    ]);
    expect(accepts(after.jwks, anonToken(turned))).toBe(true);
  });

  it("gives clients new keys, takes the old ones of every kind until the end, and shows services new tokens only", () => {
    const [before, after] = [keys(), keys({ generations: { b }, signing: "b" })];
    const turned = keys({ generations: { a, b }, signing: "b" });
    const shown = (each: Keys) => [
      ...[each.anonKey, each.publishableKey].map((key) => turned.tokens[key]),
      ...[each.serviceRoleKey, each.secretKey].map((key) => turned.tokens[key]),
    ];
    const wanted = [anonToken(after), serviceRoleToken(after)].flatMap((token) => [token, token]);
    expect([shown(before), shown(after)]).toEqual([wanted, wanted]);
    expect([turned.publishableKey, turned.secretKey]).toEqual([after.publishableKey, after.secretKey]);
    expect(Object.keys(after.tokens).sort()).toEqual(
      [after.anonKey, after.serviceRoleKey, after.publishableKey, after.secretKey].sort(),
    );
  });

  it("has a name for every key, shared secrets too, and no secret in it", () => {
    const { signingKeys } = keys({ generations: { a, b, c } });
    const names = (JSON.parse(signingKeys) as readonly Jwk[]).map(({ kid }) => kid);
    expect(names).toHaveLength(6);
    expect(new Set(names).size).toBe(6);
    for (const name of names) expect(name).toMatch(/^[\w-]{43}$/);
    expect(names).not.toContain(createHash("sha256").update(a.secret).digest("base64url"));
  });

  it("has one key that signs, the first of all", () => {
    const { signingKeys } = keys({ generations: { a, b, c }, signing: "b" });
    const ec = (JSON.parse(signingKeys) as readonly Jwk[]).filter(({ kty }) => kty === "EC");
    expect(ec.map(({ key_ops }) => key_ops?.includes("sign"))).toEqual([true, false, false]);
  });

  it("can't sign by keys that nobody accepts", () => {
    expect(() => keys({ signing: "z" })).toThrow("no keys are called z");
  });
});
