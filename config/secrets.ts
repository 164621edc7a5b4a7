/**
 * Secret configuration keys, each a key of its own so that Pulumi encrypts it and marks everything made of it.
 * None is needed: passwords, keys and certificates are generated and live in the stack's encrypted state.
 * The Hetzner token is the provider's: `pulumi config set --secret hcloud:token` or HCLOUD_TOKEN.
 */
import { HIDDEN, type Problem } from "../lib/problem.ts";
import { AI_API_KEY, POSTGRES_PASSWORDS, REGISTRIES } from "./secret-keys.ts";
import { isMap } from "./values.ts";

const FIELD = `gardenos:${POSTGRES_PASSWORDS}`;
const FIX = `pulumi config set --secret --path '${FIELD}.<role>' <password>`;

/** Patroni's own logins are not among them: members would have to know a new one before and after Postgres does. */
const CONFIGURABLE_ROLES = ["pgbouncer", "postgres_exporter"] as const;

const rolesOf = (databases: readonly string[]): readonly string[] => [
  ...databases.flatMap((name) =>
    ["owner", "rw", "ro", "owner_b", "rw_b", "ro_b"].map((kind) => `${name}_${kind}`),
  ),
  ...CONFIGURABLE_ROLES,
];

/**
 * What is wrong with the configured passwords. None is shown, not even a wrong one.
 * @param databases names of the databases; undefined while they are not known, because their settings are broken
 */
export function checkPasswords(raw: unknown, databases: readonly string[] | undefined): readonly Problem[] {
  if (raw === undefined) return [];
  if (!isMap(raw)) {
    return [{ field: FIELD, got: HIDDEN, want: "a map of role names to passwords", fix: FIX }];
  }
  const roles = databases && rolesOf(databases);
  return Object.entries(raw).flatMap(([role, password]) => {
    const field = `${FIELD}.${role}`;
    if (roles && !roles.includes(role)) {
      const want = `one of these roles: ${roles.join(", ")}`;
      return [{ field, got: role, want, fix: `pulumi config rm --path '${field}'` }];
    }
    if (typeof password === "string" && /^[A-Za-z0-9_~.-]{16,}$/.test(password)) return [];
    const want = "16 or more letters, digits, '_', '~', '.' or '-': others would have to be escaped in a URL";
    return [{ field, got: HIDDEN, want, fix: FIX.replace("<role>", role) }];
  });
}

/**
 * What is wrong with the AI provider's key.
 * @param needed a service has agents
 */
export function checkAiApiKey(raw: unknown, needed: boolean): readonly Problem[] {
  const field = `gardenos:${AI_API_KEY}`;
  const fix = `pulumi config set --secret ${field} <key>`;
  if (raw === undefined) {
    return needed
      ? [{ field, got: undefined, want: "the AI provider's key: services have agents", fix }]
      : [];
  }
  if (typeof raw === "string" && /^\S{8,}$/.test(raw)) return [];
  return [{ field, got: HIDDEN, want: "a key of 8 characters or more, without white space", fix }];
}

/** What is wrong with the credentials of registries. None is shown. */
export function checkRegistries(raw: unknown): readonly Problem[] {
  if (raw === undefined) return [];
  const field = `gardenos:${REGISTRIES}`;
  const set = (path: string) => `pulumi config set --secret --path '${path}' <value>`;
  if (!isMap(raw)) {
    const fix = `${set(`${field}["ghcr.io"].username`)}, and the same for password`;
    return [{ field, got: HIDDEN, want: "a map of registries to username and password", fix }];
  }
  return Object.entries(raw).flatMap(([registry, value]) => {
    const path = `${field}["${registry}"]`;
    if (!isMap(value)) {
      const fix = `${set(`${path}.username`)}, and the same for password`;
      return [{ field: path, got: HIDDEN, want: "a map of username and password", fix }];
    }
    return credentialProblems(path, value, set);
  });
}

function credentialProblems(path: string, value: Record<string, unknown>, set: (path: string) => string) {
  const wanted = ["username", "password"];
  const missing = wanted.filter((key) => typeof value[key] !== "string" || value[key].trim() === "");
  const strangers = Object.keys(value).filter((key) => !wanted.includes(key));
  return [
    ...missing.map((key) => {
      const field = `${path}.${key}`;
      const got = value[key] === undefined ? undefined : HIDDEN;
      return { field, got, want: `the registry's ${key}, a text`, fix: set(field) };
    }),
    ...strangers.map((key) => {
      const field = `${path}.${key}`;
      return { field, got: HIDDEN, want: "username or password", fix: `pulumi config rm --path '${field}'` };
    }),
  ];
}
