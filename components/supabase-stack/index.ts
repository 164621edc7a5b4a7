export { SupabaseStack } from "./supabase-stack.ts";
