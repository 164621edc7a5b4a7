// @peculiar/x509 needs it first.
import "reflect-metadata";
import { execFileSync } from "node:child_process";
import { createHash, X509Certificate } from "node:crypto";
import { chmodSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import * as x509 from "@peculiar/x509";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { tls } from "../../lab/drivers/tls/index.ts";
import type { Existing, Properties } from "../../lab/engine/driver.ts";
import { contextFor } from "./support/context.ts";

const folder = mkdtempSync(join(tmpdir(), "gardenos-tls-test-"));
afterAll(() => rmSync(folder, { recursive: true }));

const token = (kind: string): string => `tls:index/${kind[0]?.toLowerCase()}${kind.slice(1)}:${kind}`;
async function make(kind: string, inputs: Properties, log: string[] = []): Promise<Record<string, string>> {
  const ctx = contextFor(token(kind));
  const { id, outputs } = await tls.create(ctx, inputs);
  log.push(...ctx.lines);
  expect(outputs["id"]).toBe(id);
  return outputs as Record<string, string>;
}

let files = 0;
function file(text: string | undefined): string {
  const path = join(folder, String(files++));
  writeFileSync(path, text ?? "");
  chmodSync(path, 0o600);
  return path;
}
const openssl = (...args: string[]): string => execFileSync("openssl", args, { stdio: "pipe" }).toString();
const keygen = (...args: string[]): string => execFileSync("ssh-keygen", args, { stdio: "pipe" }).toString();

/** Algorithm, curve, first line of the PEM form, what openssl calls it. */
const KEYS = [
  ["ED25519", undefined, "PRIVATE KEY", "ED25519 Public-Key"],
  ["ECDSA", "P256", "EC PRIVATE KEY", "NIST CURVE: P-256"],
  ["ECDSA", "P384", "EC PRIVATE KEY", "NIST CURVE: P-384"],
  ["ECDSA", "P521", "EC PRIVATE KEY", "NIST CURVE: P-521"],
  ["RSA", undefined, "RSA PRIVATE KEY", "Public-Key: (2048 bit)"],
] as const;
const keyInputs = (algorithm: string, ecdsaCurve?: string): Properties =>
  ecdsaCurve === undefined ? { algorithm } : { algorithm, ecdsaCurve };

describe.each(KEYS)("PrivateKey %s %s", (algorithm, curve, label, described) => {
  it("is the same key in every form, by openssl and ssh-keygen", async () => {
    const key = await make("PrivateKey", keyInputs(algorithm, curve));
    expect(key.privateKeyPem).toMatch(new RegExp(`^-----BEGIN ${label}-----\n`));
    expect(key.privateKeyPemPkcs8).toMatch(/^-----BEGIN PRIVATE KEY-----\n/);
    expect(openssl("pkey", "-in", file(key.publicKeyPem), "-pubin", "-noout", "-text")).toContain(described);
    for (const form of [key.privateKeyPem, key.privateKeyPemPkcs8])
      expect(openssl("pkey", "-in", file(form), "-pubout")).toBe(key.publicKeyPem);

    const fields = (line: string | undefined): string[] => (line ?? "").trim().split(" ").slice(0, 2);
    const fromFile = keygen("-y", "-f", file(key.privateKeyOpenssh));
    expect(fields(fromFile)).toEqual(fields(key.publicKeyOpenssh));
    expect(key.publicKeyOpenssh?.endsWith("\n")).toBe(true);
    const print = (hash: string): string | undefined =>
      keygen("-l", "-E", hash, "-f", file(key.publicKeyOpenssh)).split(" ")[1];
    expect(print("sha256")).toBe(key.publicKeyFingerprintSha256);
    expect(print("md5")).toBe(`MD5:${key.publicKeyFingerprintMd5}`);
    const der = Buffer.from(String(key.publicKeyPem).replace(/-----.*-----/g, ""), "base64");
    expect(key.id).toBe(createHash("sha1").update(der).digest("hex"));
  });

  it("signs a chain that openssl accepts, strictly", async () => {
    const key = await make("PrivateKey", keyInputs(algorithm, curve));
    const ca = await make("SelfSignedCert", {
      privateKeyPem: key.privateKeyPem,
      isCaCertificate: true,
      subject: { commonName: "lab ü", organization: "gardenos" },
      allowedUses: ["cert_signing", "crl_signing"],
      validityPeriodHours: 48,
      setAuthorityKeyId: true,
    });
    const request = await make("CertRequest", {
      privateKeyPem: key.privateKeyPem,
      dnsNames: ["n1.lab", "localhost"],
      ipAddresses: ["10.0.0.1", "fd00::1"],
    });
    openssl("req", "-in", file(request.certRequestPem), "-verify", "-noout");
    const leaf = await make("LocallySignedCert", {
      caCertPem: ca.certPem,
      caPrivateKeyPem: key.privateKeyPem,
      certRequestPem: request.certRequestPem,
      allowedUses: ["digital_signature", "server_auth", "client_auth"],
      validityPeriodHours: 24,
    });
    const [caFile, leafFile] = [file(ca.certPem), file(leaf.certPem)];
    expect(openssl("verify", "-x509_strict", "-purpose", "sslserver", "-CAfile", caFile, leafFile)).toBe(
      `${leafFile}: OK\n`,
    );
    expect([request.keyAlgorithm, ca.keyAlgorithm, leaf.caKeyAlgorithm]).toEqual([
      algorithm,
      algorithm,
      algorithm,
    ]);
  });
});

it("PrivateKey P224, the default curve, has no SSH forms, as with the real provider", async () => {
  const key = await make("PrivateKey", { algorithm: "ECDSA" });
  expect(openssl("pkey", "-in", file(key.privateKeyPem), "-noout", "-text")).toContain("secp224r1");
  expect(key).toMatchObject({
    ecdsaCurve: "P224",
    rsaBits: 2048,
    privateKeyOpenssh: "",
    publicKeyOpenssh: "",
    publicKeyFingerprintMd5: "",
    publicKeyFingerprintSha256: "",
  });
});

describe("certificates", () => {
  let key: Record<string, string>;
  let ca: Record<string, string>;
  beforeAll(async () => {
    key = await make("PrivateKey", { algorithm: "ECDSA", ecdsaCurve: "P256" });
    ca = await make("SelfSignedCert", {
      privateKeyPem: key.privateKeyPem,
      isCaCertificate: true,
      subject: { commonName: "ca ü", country: "DE" },
      allowedUses: ["cert_signing"],
      validityPeriodHours: 48,
    });
  });
  const sign = async (names: Properties, usage: Properties = {}, log?: string[]) => {
    const request = await make("CertRequest", { privateKeyPem: key.privateKeyPem, ...names });
    return make(
      "LocallySignedCert",
      {
        caCertPem: ca.certPem,
        caPrivateKeyPem: key.privateKeyPem,
        certRequestPem: request.certRequestPem,
        allowedUses: ["client_auth"],
        validityPeriodHours: 24,
        ...usage,
      },
      log,
    );
  };
  const describeCert = (pem: string | undefined): string =>
    openssl("x509", "-in", file(pem), "-noout", "-text");

  it("carry an empty subject, and then mark the alternative names critical (RFC 5280 4.2.1.6)", async () => {
    const text = describeCert((await sign({ uris: ["spiffe://lab/x"] })).certPem);
    expect(text).toMatch(/Subject: \n/);
    expect(text).toMatch(/Subject Alternative Name: critical\s+URI:spiffe:\/\/lab\/x\n/);
  });

  it("carry every part of the subject in Go's order", async () => {
    const subject = {
      commonName: "k3s",
      organization: "o",
      organizationalUnit: "ou",
      country: "DE",
      province: "p",
      locality: "l",
      streetAddresses: ["s 1"],
      postalCode: "1",
      serialNumber: "7",
      emailAddress: "a@b.c",
    };
    const { subject: parsed } = new X509Certificate(String((await sign({ subject })).certPem));
    expect(parsed.split("\n")).toEqual([
      ...["C=DE", "O=o", "OU=ou", "L=l", "ST=p", "street=s 1", "postalCode=1", "CN=k3s", "serialNumber=7"],
      "emailAddress=a@b.c",
    ]);
  });

  it("name the issuer byte by byte as the authority names itself, since Go compares bytes", async () => {
    const leaf = await sign({ subject: { commonName: "x" } });
    const name = (pem: string | undefined, which: "issuerName" | "subjectName"): string =>
      Buffer.from(new x509.X509Certificate(String(pem))[which].toArrayBuffer()).toString("hex");
    expect(name(leaf.certPem, "issuerName")).toBe(name(ca.certPem, "subjectName"));
  });

  it("carry key usages, constraints and key ids as asked", async () => {
    const usage = {
      isCaCertificate: true,
      maxPathLength: 1,
      setSubjectKeyId: true,
      allowedUses: ["digital_signature", "key_encipherment", "cert_signing", "any_extended", "server_auth"],
    };
    const text = describeCert((await sign({ subject: { commonName: "i" } }, usage)).certPem);
    expect(text).toMatch(/Key Usage: critical\s+Digital Signature, Key Encipherment, Certificate Sign\n/);
    expect(text).toMatch(/Extended Key Usage: \s+Any Extended Key Usage, TLS Web Server Authentication\n/);
    expect(text).toMatch(/Basic Constraints: critical\s+CA:TRUE, pathlen:1\n/);
    const id = /Subject Key Identifier: \s+(.*)\n/.exec(text)?.[1];
    expect(text).toMatch(new RegExp(`Authority Key Identifier: \\s+(keyid:)?${id}\n`));
  });

  it("are valid from now for the hours given; the id is the serial number", async () => {
    const leaf = await sign({ dnsNames: ["a"] });
    const hours =
      (Date.parse(String(leaf.validityEndTime)) - Date.parse(String(leaf.validityStartTime))) / 3.6e6;
    expect(hours).toBe(24);
    const serial = new X509Certificate(String(leaf.certPem)).serialNumber;
    expect(BigInt(`0x${serial}`).toString()).toBe(leaf.id);
    expect(leaf.readyForRenewal).toBe(false);
  });

  it("warn when the issuer is no authority", async () => {
    const log: string[] = [];
    const leaf = await sign({ subject: { commonName: "x" } });
    await sign({ dnsNames: ["a"] }, { caCertPem: leaf.certPem }, log);
    expect(log).toEqual(["caCertPem is no certificate authority: clients will refuse what it signs"]);
  });

  it.each([
    [
      { caPrivateKeyPem: "x" },
      "tls: caPrivateKeyPem is no PEM private key: pass privateKeyPem of a tls.PrivateKey",
    ],
    [{ caCertPem: "x" }, "tls: caCertPem can't be read: pass certPem of a certificate"],
    [{ certRequestPem: "x" }, "tls: certRequestPem can't be read: pass certRequestPem of a tls.CertRequest"],
  ])("say what is wrong with %o", async (usage, message) => {
    await expect(sign({ dnsNames: ["a"] }, usage)).rejects.toThrow(message);
  });

  it("refuse a key that is not the authority's, P224, a nameless authority and a bad address", async () => {
    const other = await make("PrivateKey", { algorithm: "ED25519" });
    const p224 = await make("PrivateKey", { algorithm: "ECDSA" });
    await expect(sign({}, { caPrivateKeyPem: other.privateKeyPem })).rejects.toThrow(
      "tls: caPrivateKeyPem does not belong to caCertPem",
    );
    await expect(make("CertRequest", { privateKeyPem: p224.privateKeyPem })).rejects.toThrow(
      "tls: the lab signs nothing with P224 keys: set ecdsaCurve to P256, P384 or P521",
    );
    await expect(sign({ ipAddresses: ["10.0.0"] })).rejects.toThrow(
      'tls: ipAddresses: "10.0.0" is no IP address',
    );
    const nameless = {
      privateKeyPem: key.privateKeyPem,
      isCaCertificate: true,
      validityPeriodHours: 1,
      allowedUses: [],
    };
    await expect(make("SelfSignedCert", nameless)).rejects.toThrow(
      "tls: subject is empty: a certificate authority",
    );
  });
});

describe("changes", () => {
  const type = token("LocallySignedCert");
  const inputs = { validityPeriodHours: 24, earlyRenewalHours: 2, allowedUses: [], caCertPem: "a" };
  const existing = (hoursLeft: number): Existing & { inputs: Properties } => ({
    id: "1",
    inputs,
    outputs: {
      ...inputs,
      readyForRenewal: false,
      validityEndTime: new Date(Date.now() + hoursLeft * 3.6e6).toISOString(),
    },
  });

  it("replace the certificate, but for the hours of early renewal", async () => {
    const old = existing(20);
    expect(tls.diff?.(type, old, { ...inputs, caCertPem: "b" })).toEqual({
      changed: ["caCertPem"],
      replace: ["caCertPem"],
    });
    const news = { ...inputs, earlyRenewalHours: 3 };
    expect(tls.diff?.(type, old, news)).toEqual({ changed: ["earlyRenewalHours"], replace: [] });
    expect(await tls.update?.(contextFor(type), old, news)).toEqual({ ...old.outputs, earlyRenewalHours: 3 });
  });

  it("are none when defaults are written out", () => {
    expect(tls.diff?.(type, existing(20), { ...inputs, isCaCertificate: false })?.changed).toEqual([]);
  });

  it("come by themselves when renewal is due, and refresh shows it", async () => {
    const [due, early] = [existing(1), existing(3)];
    expect(tls.diff?.(type, due, inputs)).toEqual({
      changed: ["readyForRenewal"],
      replace: ["readyForRenewal"],
    });
    expect(tls.diff?.(type, early, inputs)).toEqual({ changed: [], replace: [] });
    expect((await tls.read?.(contextFor(type), due))?.outputs).toMatchObject({ readyForRenewal: true });
    expect(await tls.read?.(contextFor(type), early)).toEqual(early);
  });
});

it("marks private keys secret and rejects unknown uses and names", () => {
  expect(tls.secretOutputs?.(token("PrivateKey"))).toEqual([
    "privateKeyOpenssh",
    "privateKeyPem",
    "privateKeyPemPkcs8",
  ]);
  const { failures = [] } = tls.check?.(token("CertRequest"), { subject: { nickname: "x" } }) ?? {};
  expect(failures).toEqual([
    { property: "subject.nickname", reason: "the lab's driver does not support it" },
  ]);
  const uses = tls.check?.(token("SelfSignedCert"), { allowedUses: ["flying"] }).failures;
  expect(uses?.map(({ property }) => property)).toEqual(["allowedUses.0"]);
});
