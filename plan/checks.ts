/**
 * Checks across settings. Each one looks at what it needs, skips silently when that is missing or broken
 * (the schema has said so), and reports every offender, so that ten mistakes are ten lines of one run.
 */
import type { Settings } from "../config/schema.ts";
import type { Problem } from "../lib/problem.ts";
import type { Manifest } from "./artifacts.ts";
import { settingsOfProfile } from "./checks/check.ts";
import { ETCD_CHECKS } from "./checks/etcd.ts";
import { KUBERNETES_CHECKS } from "./checks/kubernetes.ts";
import { NETWORK_CHECKS } from "./checks/network.ts";
import { NODE_CHECKS } from "./checks/nodes.ts";
import { POSTGRES_CHECKS } from "./checks/postgres.ts";
import { SERVICE_CHECKS } from "./checks/services.ts";
import { SUPABASE_CHECKS } from "./checks/supabase.ts";
import type { StackIdentity } from "./plan.ts";

const CHECKS = [
  ...NODE_CHECKS,
  ...NETWORK_CHECKS,
  ...ETCD_CHECKS,
  ...KUBERNETES_CHECKS,
  ...POSTGRES_CHECKS,
  ...SERVICE_CHECKS,
  ...SUPABASE_CHECKS,
];

/** All cross-field problems of a stack. Services and Supabase are looked at where its profile has them. */
export function checkSettings(
  settings: Partial<Settings>,
  identity: StackIdentity,
  rejectedNodes = 0,
  now = Date.now(),
): readonly Problem[] {
  const own = settingsOfProfile(settings);
  return CHECKS.flatMap((check) => check(own, { identity, rejectedNodes, now }));
}

/** The manifest must hold the versions that the configuration asks for. */
export function checkManifest(
  settings: Partial<Settings>,
  manifest: Manifest | undefined,
): readonly Problem[] {
  if (!manifest) return [];
  return (["etcd", "k3s"] as const).flatMap((name) => {
    const got = settings[name]?.version;
    if (got === undefined || got === manifest[name].version) return [];
    const want = `${manifest[name].version}, the version that ${settings.artifacts?.manifest} offers`;
    const fix = `change ${name}.version, or put the version with its SHA-256 into the manifest`;
    return [{ field: `gardenos:${name}.version`, got, want, fix }];
  });
}
