/** Names of secret configuration keys, for whoever must know that they exist: what they hold is checked in secrets.ts. */

/** Passwords of Postgres roles by role, instead of generated ones. */
export const POSTGRES_PASSWORDS = "postgresPasswords";

/** Key of the AI provider. */
export const AI_API_KEY = "aiApiKey";

/** Credentials for private images, by registry: `username`, `password`. */
export const REGISTRIES = "registries";

/** What Supabase is given: a map. */
export const SUPABASE_SECRETS = "supabaseSecrets";

export const SECRET_KEYS: readonly string[] = [POSTGRES_PASSWORDS, AI_API_KEY, REGISTRIES, SUPABASE_SECRETS];
