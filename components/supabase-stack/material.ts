/** What a Supabase stack draws once and keeps in the encrypted state: passwords, keys, and what some services encrypt by. */
import * as pulumi from "@pulumi/pulumi";
import * as random from "@pulumi/random";
import * as tls from "@pulumi/tls";
import type { SupabaseSecrets } from "../../config/supabase-secrets.ts";
import type { SupabasePlan } from "../../plan/supabase.ts";
import type { Material } from "./env.ts";
import { supabaseKeys } from "./keys.ts";
import { SUPABASE_LOGINS } from "./sql.ts";

/** Everything drawn, still by the name of what it is for. */
export interface Drawn {
  /** By role. */
  readonly passwords: Readonly<Record<string, pulumi.Output<string>>>;
  /** For the verifiers of these passwords. */
  readonly salt: pulumi.Output<string>;
  readonly material: pulumi.Output<Material>;
}

/** Lengths that services want: Realtime's key is AES-128's, the base of session secrets 64 characters or more. */
const LENGTHS = {
  realtimeEncryption: 16,
  realtimeApi: 48,
  secretKeyBase: 64,
  releaseCookie: 32,
  metaCrypto: 32,
  studioPassword: 32,
} as const;
const JWT_SECRET_LENGTH = 48;
const OPAQUE_LENGTH = 22;

export function drawMaterial(
  name: string,
  plan: SupabasePlan,
  given: { readonly databaseCa: pulumi.Output<string>; readonly secrets: pulumi.Output<SupabaseSecrets> },
  parent: pulumi.Resource,
): Drawn {
  const draw = (what: string, length: number, more: Partial<random.RandomPasswordArgs> = {}) =>
    new random.RandomPassword(`${name}-${what}`, { length, special: false, ...more }, { parent }).result;
  // Passwords of before the first rotation have no keeper.
  const turn = plan.rotation > 0 ? { keepers: { rotation: String(plan.rotation) } } : {};
  const passwords = Object.fromEntries(
    SUPABASE_LOGINS.map((role) => [role, draw(`${role}-password`, 32, turn)]),
  );
  const generations = Object.fromEntries(
    plan.keys.accepted.map((each) => {
      const key = { algorithm: "ECDSA", ecdsaCurve: "P256" } as const;
      const { privateKeyPem: pem } = new tls.PrivateKey(`${name}-keys-${each}`, key, { parent });
      const opaque = {
        publishable: draw(`keys-${each}-publishable-key`, OPAQUE_LENGTH),
        secret: draw(`keys-${each}-secret-key`, OPAQUE_LENGTH),
      };
      return [each, { pem, secret: draw(`keys-${each}-secret`, JWT_SECRET_LENGTH), opaque }];
    }),
  );
  const drawn = {
    realtimeEncryption: draw("realtime-encryption", LENGTHS.realtimeEncryption),
    realtimeApi: draw("realtime-api", LENGTHS.realtimeApi),
    secretKeyBase: draw("secret-key-base", LENGTHS.secretKeyBase),
    releaseCookie: draw("release-cookie", LENGTHS.releaseCookie),
    metaCrypto: draw("meta-crypto", LENGTHS.metaCrypto),
    studioPassword: plan.studioHost === undefined ? "" : draw("studio-password", LENGTHS.studioPassword),
  };
  const material = pulumi.output({ ...given, generations, drawn, passwords }).apply((values): Material => {
    const { secrets } = values;
    const chosen = Object.entries(values.generations).map(([each, material]) => [
      each,
      { ...material, secret: secrets.jwtSecrets?.[each] ?? material.secret },
    ]);
    const { s3AccessKeyId: accessKeyId, s3SecretAccessKey: secretAccessKey } = secrets;
    return {
      keys: supabaseKeys({ ...plan.keys, generations: Object.fromEntries(chosen) }),
      ...{ passwords: values.passwords, databaseCa: values.databaseCa, drawn: values.drawn },
      ...(accessKeyId !== undefined &&
        secretAccessKey !== undefined && { s3: { accessKeyId, secretAccessKey } }),
      ...(secrets.smtpPassword !== undefined && { smtpPassword: secrets.smtpPassword }),
      oauth: secrets.oauth ?? {},
    };
  });
  return { passwords, salt: draw("scram-salt", 32), material: pulumi.secret(material) };
}

/** What has the same names as the real one and no value: previews show which secrets a service gets. */
export function emptyMaterial(plan: SupabasePlan): Material {
  const keys = {
    ...{ jwtSecret: "", signingKeys: "", jwks: "", anonKey: "", serviceRoleKey: "" },
    ...{ publishableKey: "", secretKey: "", tokens: {} },
  };
  return {
    ...{ keys, databaseCa: "" },
    drawn: {
      ...{ realtimeEncryption: "", realtimeApi: "", secretKeyBase: "", releaseCookie: "" },
      ...{ metaCrypto: "", studioPassword: "" },
    },
    passwords: Object.fromEntries(SUPABASE_LOGINS.map((role) => [role, ""])),
    ...(plan.storage && { s3: { accessKeyId: "", secretAccessKey: "" } }),
    ...(plan.smtp && { smtpPassword: "" }),
    oauth: Object.fromEntries(Object.keys(plan.oauth).map((provider) => [provider, ""])),
  };
}
