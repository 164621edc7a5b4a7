/** The inputs of the provider resource. */
import { z } from "zod";
import type { Properties } from "../../engine/driver.ts";
import { parseInputs } from "../properties.ts";

/** The SDK sends everything but plain texts as JSON. */
const flag = z
  .union([z.boolean(), z.enum(["true", "false"]).transform((text) => text === "true")])
  .default(false);

const schema = z.object({
  kubeconfig: z
    .string()
    .refine((text) => /[\n{]/.test(text.trim()), "got a path, want the content of a kubeconfig file")
    .optional(),
  context: z.string().optional(),
  cluster: z.string().optional(),
  namespace: z.string().optional(),
  clusterIdentifier: z.string().optional(),
  enableServerSideApply: z
    .union([z.boolean(), z.string()])
    .refine((value) => String(value) === "true", "the lab's driver knows server-side apply only")
    .optional(),
  enablePatchForce: flag,
  enableConfigMapMutable: flag,
  enableSecretMutable: flag,
  upsertExistingObjects: flag,
  skipUpdateUnreachable: flag,
  deleteUnreachable: flag,
  // They make no difference here.
  suppressDeprecationWarnings: z.unknown().optional(),
  suppressHelmHookWarnings: z.unknown().optional(),
  kubeClientSettings: z.unknown().optional(),
  version: z.unknown().optional(),
});

/** What a provider resource says, checked. */
export type Settings = z.infer<typeof schema>;

/** What leads to a cluster. */
export interface Connection {
  readonly kubeconfig: string;
  /** Options of kubectl that choose from the kubeconfig. */
  readonly flags: readonly string[];
}

/** @throws Error that names the wrong inputs, never their values */
export function settingsOf(provider: Properties): Settings {
  return parseInputs(schema.strict(), "provider kubernetes", provider);
}

/**
 * The cluster that the provider names. There is no other way to one: nothing is ever applied to whatever cluster
 * the machine happens to know.
 * @throws Error without a kubeconfig
 */
export function connectionOf({ kubeconfig, context, cluster, namespace }: Settings): Connection {
  if (kubeconfig === undefined)
    throw new Error(
      "provider kubernetes: no kubeconfig: give the resource an explicit provider that has one",
    );
  const flags = Object.entries({ context, cluster, namespace })
    .filter(([, value]) => value !== undefined)
    .map(([name, value]) => `--${name}=${value}`);
  return { kubeconfig, flags };
}
