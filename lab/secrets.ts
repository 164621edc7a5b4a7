/** Secret settings of the lab's stack: what a person would give with `pulumi config set --secret`. */
import type { LabFiles } from "./files.ts";

/** Of Supabase at the lab's object storage. Secret. */
export const s3Keys = (files: LabFiles) => ({
  accessKeyId: "lab-supabase",
  secretAccessKey: files.s3SecretAccessKey,
});

/** By full key. */
export function labSecrets(files: LabFiles): Readonly<Record<string, string>> {
  const { accessKeyId: s3AccessKeyId, secretAccessKey: s3SecretAccessKey } = s3Keys(files);
  return {
    "hcloud:token": files.token,
    "gardenos:aiApiKey": files.aiApiKey,
    "gardenos:supabaseSecrets": JSON.stringify({ s3AccessKeyId, s3SecretAccessKey }),
  };
}
