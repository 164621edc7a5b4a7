/** Stands in for the `tls` provider 5.6: keys and certificates made here and kept in the state. */
import { createHash } from "node:crypto";
import { z } from "zod";
import type { Driver, DriverContext, Existing, Properties } from "../../engine/driver.ts";
import {
  changedKeys,
  defined,
  failuresOf,
  kindIn,
  kindOf,
  parseInputs,
  withSchemaDefaults,
} from "../properties.ts";
import { createRequest, type Issued, selfSign, signRequest } from "./certificates.ts";
import { ALLOWED_USES } from "./extensions.ts";
import {
  algorithmOf,
  CURVES,
  generatePrivateKey,
  privateKeyOutputs,
  publicKeyId,
  readPrivateKey,
} from "./keys.ts";

const HOUR_MS = 3_600_000;

const text = z.string().optional();
const flag = z.boolean().default(false);
const list = z.array(z.string()).optional();

const keyInputs = z.strictObject({
  algorithm: z.enum(["RSA", "ECDSA", "ED25519"]),
  rsaBits: z.int().min(512).default(2048),
  ecdsaCurve: z.enum(Object.keys(CURVES) as (keyof typeof CURVES)[]).default("P224"),
});

const names = {
  subject: z
    .strictObject({
      commonName: text,
      country: text,
      emailAddress: text,
      locality: text,
      organization: text,
      organizationalUnit: text,
      postalCode: text,
      province: text,
      serialNumber: text,
      streetAddresses: list,
    })
    .optional(),
  dnsNames: list,
  ipAddresses: list,
  uris: list,
};

const usage = {
  allowedUses: z.array(z.enum(ALLOWED_USES)),
  validityPeriodHours: z.int().min(0),
  earlyRenewalHours: z.int().min(0).default(0),
  isCaCertificate: flag,
  maxPathLength: z.int().min(-1).optional(),
  setSubjectKeyId: flag,
};

const requestInputs = z.strictObject({ ...names, privateKeyPem: z.string() });
const selfSignedInputs = z.strictObject({
  ...names,
  ...usage,
  privateKeyPem: z.string(),
  setAuthorityKeyId: flag,
});
const locallySignedInputs = z.strictObject({
  ...usage,
  caCertPem: z.string(),
  caPrivateKeyPem: z.string(),
  certRequestPem: z.string(),
});

interface Kind {
  readonly schema: z.ZodObject;
  readonly secrets: readonly string[];
  create(ctx: DriverContext, inputs: Properties): Promise<Existing>;
}

function withCertificate(inputs: Properties, computed: Properties, { id, outputs }: Issued): Existing {
  return { id, outputs: { ...inputs, ...computed, ...outputs, readyForRenewal: false } };
}

const kinds: Readonly<Record<string, Kind>> = {
  PrivateKey: {
    schema: keyInputs,
    secrets: ["privateKeyOpenssh", "privateKeyPem", "privateKeyPemPkcs8"],
    async create(ctx, inputs) {
      const spec = parseInputs(keyInputs, kindOf(ctx.type), inputs);
      const key = await generatePrivateKey(spec);
      return { id: publicKeyId(key), outputs: { ...spec, ...privateKeyOutputs(key) } };
    },
  },
  CertRequest: {
    schema: requestInputs,
    secrets: ["privateKeyPem"],
    async create(ctx, inputs) {
      const parsed = parseInputs(requestInputs, kindOf(ctx.type), inputs);
      const key = readPrivateKey(parsed.privateKeyPem, "privateKeyPem");
      const certRequestPem = await createRequest(key, parsed);
      const der = Buffer.from(certRequestPem.replace(/-----.*-----/g, ""), "base64");
      const id = createHash("sha1").update(der).digest("hex");
      return { id, outputs: { ...parsed, keyAlgorithm: algorithmOf(key), certRequestPem } };
    },
  },
  SelfSignedCert: {
    schema: selfSignedInputs,
    secrets: ["privateKeyPem"],
    async create(ctx, inputs) {
      const parsed = parseInputs(selfSignedInputs, kindOf(ctx.type), inputs);
      const key = readPrivateKey(parsed.privateKeyPem, "privateKeyPem");
      const issued = await selfSign(key, parsed, parsed);
      return withCertificate(parsed, { keyAlgorithm: algorithmOf(key) }, issued);
    },
  },
  LocallySignedCert: {
    schema: locallySignedInputs,
    secrets: ["caPrivateKeyPem"],
    async create(ctx, inputs) {
      const parsed = parseInputs(locallySignedInputs, kindOf(ctx.type), inputs);
      const key = readPrivateKey(parsed.caPrivateKeyPem, "caPrivateKeyPem");
      const authority = { certPem: parsed.caCertPem, key };
      const issued = await signRequest(parsed.certRequestPem, authority, parsed, (line) => ctx.log(line));
      return withCertificate(parsed, { caKeyAlgorithm: algorithmOf(key) }, issued);
    },
  },
};

/** True from `earlyRenewalHours` before the end of validity on. False for types without an end. */
function isReadyForRenewal(outputs: Properties, earlyRenewalHours: unknown): boolean {
  const end = Date.parse(String(outputs["validityEndTime"]));
  return end - Number(earlyRenewalHours ?? 0) * HOUR_MS <= Date.now();
}

export const tls: Driver = {
  check: (type, news) => ({ inputs: news, failures: failuresOf(kindIn(kinds, type).schema, news) }),

  diff(type, old, news) {
    const { schema } = kindIn(kinds, type);
    // A default written out is no change.
    const changed = changedKeys(withSchemaDefaults(schema, old.inputs), withSchemaDefaults(schema, news));
    const replace = changed.filter((key) => key !== "earlyRenewalHours");
    if (!isReadyForRenewal(old.outputs, news["earlyRenewalHours"])) return { changed, replace };
    return {
      changed: [...changed, "readyForRenewal"],
      replace: [...replace, "readyForRenewal"],
    };
  },

  async create(ctx, inputs) {
    const { id, outputs } = await kindIn(kinds, ctx.type).create(ctx, inputs);
    return { id, outputs: defined({ ...outputs, id }) };
  },

  // Only earlyRenewalHours ends up here; the certificate stays.
  async update(_ctx, old, news) {
    return { ...old.outputs, earlyRenewalHours: news["earlyRenewalHours"] ?? 0 };
  },

  async read(_ctx, old) {
    if (!isReadyForRenewal(old.outputs, old.inputs["earlyRenewalHours"])) return old;
    return { ...old, outputs: { ...old.outputs, readyForRenewal: true } };
  },

  secretOutputs: (type) => kindIn(kinds, type).secrets,
};
