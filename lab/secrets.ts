/** Secret settings of the lab's stack: what a person would give with `pulumi config set --secret`. */
import type { LabFiles } from "./files.ts";

/** By full key. */
export const labSecrets = (files: LabFiles): Readonly<Record<string, string>> => ({
  "hcloud:token": files.token,
  "gardenos:aiApiKey": files.aiApiKey,
  "gardenos:supabaseSecrets": JSON.stringify({
    s3AccessKeyId: "lab-supabase",
    s3SecretAccessKey: files.s3SecretAccessKey,
  }),
});
