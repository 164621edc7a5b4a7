/** Secrets of Supabase that a stack is given. None is shown, not even a wrong one. */
import { HIDDEN, type Problem } from "../lib/problem.ts";
import { SUPABASE_SECRETS } from "./secret-keys.ts";
import { isMap } from "./values.ts";

/** What a stack is given and can't draw itself. */
export interface SupabaseSecrets {
  readonly s3AccessKeyId?: string;
  readonly s3SecretAccessKey?: string;
  readonly smtpPassword?: string;
  /** Client secrets by provider. */
  readonly oauth?: Readonly<Record<string, string>>;
  /** JWT_SECRET by name of keys, to go on with tokens of an earlier installation. */
  readonly jwtSecrets?: Readonly<Record<string, string>>;
}

const FIELD = `gardenos:${SUPABASE_SECRETS}`;

/** What the settings make necessary. */
export interface SupabaseNeeds {
  readonly storage: boolean;
  readonly smtp: boolean;
  /** Providers. */
  readonly oauth: readonly string[];
  /** Names of keys that there may be a JWT_SECRET for. */
  readonly keys: readonly string[];
}

/** JWT_SECRET of Supabase's examples, which everybody knows: whoever has it makes tokens for anybody. */
const DEMO_SECRETS = [
  "your-super-secret-jwt-token-with-at-least-32-characters-long",
  "super-secret-jwt-token-with-at-least-32-characters-long",
];

const KNOWN = ["s3AccessKeyId", "s3SecretAccessKey", "smtpPassword", "oauth", "jwtSecrets"];

const fix = (path: string): string => `pulumi config set --secret --path '${FIELD}.${path}' <value>`;
const remove = (path: string): string => `pulumi config rm --path '${FIELD}.${path}'`;
const problem = (path: string, got: unknown, want: string, how = fix(path)): Problem => ({
  field: `${FIELD}.${path}`,
  got: got === undefined ? undefined : HIDDEN,
  want,
  fix: how,
});

const WANTED = "a secret of 8 characters or more: the settings want it";

const isText = (value: unknown): value is string => typeof value === "string" && value.length >= 8;

const unknownSecrets = (raw: Record<string, unknown>): Problem[] =>
  Object.keys(raw)
    .filter((name) => !KNOWN.includes(name))
    .map((name) => problem(name, raw[name], `one of ${KNOWN.join(", ")}`, remove(name)));

function storageKeys(raw: Record<string, unknown>, { storage }: SupabaseNeeds): Problem[] {
  if (!storage) return [];
  return ["s3AccessKeyId", "s3SecretAccessKey"].flatMap((name) => {
    const value = raw[name];
    if (!isText(value)) return [problem(name, value, WANTED)];
    return /\s/.test(value) ? [problem(name, value, "a key without white space")] : [];
  });
}

function oauthSecrets(raw: unknown, { oauth }: SupabaseNeeds): Problem[] {
  if (raw !== undefined && !isMap(raw))
    return [problem("oauth", raw, "a map of providers to client secrets", fix("oauth.<provider>"))];
  const given = raw ?? {};
  const strangers = Object.keys(given).filter((provider) => !oauth.includes(provider));
  return [
    ...oauth
      .filter((provider) => !isText(given[provider]))
      .map((provider) => problem(`oauth.${provider}`, given[provider], WANTED)),
    ...strangers.map((provider) => {
      const path = `oauth.${provider}`;
      const want = `a provider of supabase.oauth: ${oauth.join(", ") || "none"}`;
      const how = `configure gardenos:supabase.oauth.${provider}, or ${remove(path)}`;
      return problem(path, given[provider], want, how);
    }),
  ];
}

function jwtSecret(name: string, value: unknown, { keys }: SupabaseNeeds): Problem[] {
  const path = `jwtSecrets.${name}`;
  if (!keys.includes(name)) {
    const how = `add ${name} to gardenos:supabase.keys.accepted, or ${remove(path)}`;
    return [problem(path, value, `one of supabase.keys.accepted: ${keys.join(", ")}`, how)];
  }
  if (typeof value !== "string" || value.length < 32) return [problem(path, value, "32 characters or more")];
  if (DEMO_SECRETS.includes(value.trim().toLowerCase())) {
    const want = "a secret of your own: this one is in Supabase's examples, and everybody's";
    return [problem(path, value, want)];
  }
  return /\s/.test(value) ? [problem(path, value, "a secret without white space")] : [];
}

function jwtSecrets(raw: unknown, needs: SupabaseNeeds): Problem[] {
  if (raw === undefined) return [];
  if (!isMap(raw)) {
    const want = "a map of names of keys to their JWT_SECRET";
    return [problem("jwtSecrets", raw, want, fix("jwtSecrets.<name of keys>"))];
  }
  return Object.entries(raw).flatMap(([name, value]) => jwtSecret(name, value, needs));
}

/** What is wrong with them. @param needs undefined: a stack without Supabase */
export function checkSupabaseSecrets(raw: unknown, needs: SupabaseNeeds | undefined): readonly Problem[] {
  if (!needs) return [];
  if (raw !== undefined && !isMap(raw)) {
    return [{ field: FIELD, got: HIDDEN, want: "a map of secrets by name", fix: fix("<name>") }];
  }
  const map = raw ?? {};
  const password = map["smtpPassword"];
  return [
    ...unknownSecrets(map),
    ...storageKeys(map, needs),
    ...(needs.smtp && !isText(password) ? [problem("smtpPassword", password, WANTED)] : []),
    ...oauthSecrets(map["oauth"], needs),
    ...jwtSecrets(map["jwtSecrets"], needs),
  ];
}
