/** Names, usages and key ids of a certificate, written as Go's crypto/x509 writes them. */
// @peculiar/x509 registers its algorithms through it, so it comes first.
import "reflect-metadata";
import { createHash, type KeyObject } from "node:crypto";
import { isIP } from "node:net";
import * as x509 from "@peculiar/x509";
import { algorithmOf, ecPoint } from "./keys.ts";

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

type Subject = {
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

/** The subject as a distinguished name, empty for none. */
export function nameOf(subject: Subject | undefined): x509.Name {
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
export function alternativeNames(names: Names, critical: boolean): x509.Extension[] {
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

/** Hex SHA-1 as the provider computes it, which for Ed25519 covers the OCTET STRING's header too. */
export function subjectKeyId(publicKey: KeyObject): string {
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

/** All extensions that don't depend on names or issuer, in Go's order. */
export function usageExtensions(usage: Usage, publicKey: KeyObject): x509.Extension[] {
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
