/** Keys of a Supabase in tests. */
import type { SupabaseKeys } from "../../components/supabase-stack/keys.ts";

export const ANON_TOKEN = "token.anon.1";
export const SERVICE_TOKEN = "token.service.1";
/** Of a generation that is accepted and signs no more. */
export const OLD_KEY = "legacy.anon.0";

export const KEYS: SupabaseKeys = {
  ...{ jwtSecret: "s", signingKeys: "[]", jwks: "{}" },
  ...{ anonKey: "legacy.anon.1", serviceRoleKey: "legacy.service.1" },
  ...{ publishableKey: "sb_publishable_a_1", secretKey: "sb_secret_b_1" },
  tokens: {
    ...{ [OLD_KEY]: ANON_TOKEN, "legacy.anon.1": ANON_TOKEN, sb_publishable_a_1: ANON_TOKEN },
    ...{ "legacy.service.1": SERVICE_TOKEN, sb_secret_b_1: SERVICE_TOKEN },
  },
};
