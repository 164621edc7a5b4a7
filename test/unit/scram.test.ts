import { createHash, createHmac } from "node:crypto";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { scramVerifier } from "../../lib/scram.ts";

/** The exchange of RFC 7677, section 3. */
const RFC = {
  password: "pencil",
  salt: "W22ZaJ0SNY7soEsUEjb6gQ==",
  authMessage: [
    "n=user,r=rOprNGfwEbeRWgbNEkqO",
    "r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4096",
    "c=biws,r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0",
  ].join(","),
  clientProof: "dHzbZapWIk4jUhN+Ute9ytag9zjfMHgsqmmiz7AndVQ=",
  serverSignature: "6rriTRBi23WpRR/wtup+mMhUZUn/dB5nLTJRsjl95G4=",
};

/** What a server does with a verifier: it knows the client by its proof, and shows itself by its signature. */
function server(verifier: string, message: string) {
  const [, stored = "", key = ""] = /\$([^$:]+):([^$:]+)$/.exec(verifier) ?? [];
  const sign = (secret: string) =>
    createHmac("sha256", Buffer.from(secret, "base64")).update(message).digest();
  return {
    believes: (proof: string) => {
      const signature = sign(stored);
      const clientKey = Buffer.from(proof, "base64").map((byte, i) => byte ^ (signature[i] ?? 0));
      return createHash("sha256").update(clientKey).digest("base64") === stored;
    },
    signature: sign(key).toString("base64"),
  };
}

describe("a SCRAM verifier", () => {
  it("believes the client of RFC 7677 and answers with the RFC's signature", () => {
    const verifier = scramVerifier(RFC.password, RFC.salt);
    expect(verifier).toMatch(/^SCRAM-SHA-256\$4096:W22ZaJ0SNY7soEsUEjb6gQ==\$[\w+/]{43}=:[\w+/]{43}=$/);
    expect(server(verifier, RFC.authMessage).believes(RFC.clientProof)).toBe(true);
    expect(server(verifier, RFC.authMessage).signature).toBe(RFC.serverSignature);
    expect(server(scramVerifier("pencil2", RFC.salt), RFC.authMessage).believes(RFC.clientProof)).toBe(false);
  });

  it("is the same for the same input, another for any other, and never shows the password", () => {
    const password = fc.stringMatching(/^[A-Za-z0-9_~.-]{16,40}$/);
    const salt = fc
      .uint8Array({ minLength: 16, maxLength: 16 })
      .map((b) => Buffer.from(b).toString("base64"));
    fc.assert(
      fc.property(password, password, salt, (one, other, each) => {
        const verifier = scramVerifier(one, each);
        expect(scramVerifier(one, each)).toBe(verifier);
        expect(scramVerifier(other, each) === verifier).toBe(one === other);
        expect(verifier).not.toContain(one);
      }),
      { numRuns: 20 },
    );
  });

  it.each(["", "grün", "tab\t", "nul\0"])(
    "refuses the password %j, which servers may read in another way",
    (bad) => {
      expect(() => scramVerifier(bad, RFC.salt)).toThrow("a password for SCRAM must be printable ASCII");
    },
  );

  it.each(["", "not base64!", "W22ZaJ0SNY7soEsUEjb6gQ"])("refuses the salt %j", (bad) => {
    expect(() => scramVerifier(RFC.password, bad)).toThrow("a salt for SCRAM must be base64");
  });
});
