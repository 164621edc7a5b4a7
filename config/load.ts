/** The only reader of Pulumi's configuration. Everything wrong is reported at once, before any resource. */
import { existsSync, readFileSync } from "node:fs";
import * as pulumi from "@pulumi/pulumi";
import type { Problem } from "../lib/problem.ts";
import { renderProblems } from "../lib/problem.ts";
import { repositoryPath } from "../lib/repository-file.ts";
import { type Manifest, parseManifest } from "../plan/artifacts.ts";
import { capacity, renderCapacity } from "../plan/capacity.ts";
import { settingsOfProfile } from "../plan/checks/check.ts";
import { needsProvider } from "../plan/checks/services.ts";
import { checkManifest, checkSettings } from "../plan/checks.ts";
import { makePlan, type Plan, planWarnings } from "../plan/plan.ts";
import { readFunctions } from "./functions.ts";
import { parseSettings, rawSettings } from "./parse.ts";
import type { Settings } from "./schema.ts";
import { AI_API_KEY, POSTGRES_PASSWORDS, REGISTRIES, SECRET_KEYS, SUPABASE_SECRETS } from "./secret-keys.ts";
import { checkAiApiKey, checkPasswords, checkRegistries } from "./secrets.ts";
import { checkSupabaseSecrets, type SupabaseNeeds, type SupabaseSecrets } from "./supabase-secrets.ts";

/** What the program needs to know, read and checked. */
export interface Loaded {
  readonly plan: Plan;
  /** Public keys that may log in as root, by name. */
  readonly authorizedKeys: Readonly<Record<string, string>>;
  /** Package source of the nodes; undefined leaves the image's own. */
  readonly apt?: AptSource;
  /** Passwords of Postgres roles that are configured. Secret. */
  readonly postgresPasswords?: pulumi.Output<Readonly<Record<string, string>>>;
  /** Key of the AI provider. Secret. */
  readonly aiApiKey?: pulumi.Output<string>;
  /** Registry → who asks. Secret. */
  readonly registries?: pulumi.Output<Readonly<Record<string, { username: string; password: string }>>>;
  /** What Supabase is given. Secret. */
  readonly supabaseSecrets?: pulumi.Output<SupabaseSecrets>;
  /** Path → text of the code of Supabase's functions. */
  readonly functions: Readonly<Record<string, string>>;
  /** What the stack asks for and has, as text. Undefined where a server type is not known, and without Kubernetes. */
  readonly memory: string | undefined;
  /** What works but deserves a second look; shown on every run. */
  readonly warnings: readonly string[];
}

interface AptSource {
  readonly uri: string;
  readonly suite: string;
  readonly components: readonly string[];
  /** Armoured OpenPGP public key. */
  readonly key: string;
}

/** Reads a file that the configuration names; a missing one, or one that can't be read, is a problem of that key. */
function readNamed(field: string, path: string, problems: Problem[]): string | undefined {
  const file = repositoryPath(path);
  const wrong = (want: string, fix: string): undefined => {
    problems.push({ field, got: path, want, fix });
  };
  if (!existsSync(file)) return wrong("a file that exists", "correct the path, or make the file");
  try {
    return readFileSync(file, "utf8");
  } catch (error) {
    const code = (error as NodeJS.ErrnoException).code ?? "no reason given";
    return wrong(`a file that can be read, and it can't (${code})`, "correct the path, or mend the file");
  }
}

function readManifest(settings: Partial<Settings>, problems: Problem[]): Manifest | undefined {
  const path = settings.artifacts?.manifest;
  const text = path && readNamed("gardenos:artifacts.manifest", path, problems);
  if (!path || !text) return undefined;
  const parsed = parseManifest(path, text);
  problems.push(...parsed.problems);
  return parsed.manifest;
}

function readAuthorizedKeys(settings: Partial<Settings>, problems: Problem[]): Record<string, string> {
  const keys = Object.entries(settings.ssh?.authorizedKeys ?? {}).map(([name, value]) => {
    const field = `gardenos:ssh.authorizedKeys.${name}`;
    const key = value.endsWith(".pub") ? readNamed(field, value, problems) : value;
    return [name, (key ?? "").trim()];
  });
  return Object.fromEntries(keys);
}

function readApt(settings: Partial<Settings>, problems: Problem[]): AptSource | undefined {
  if (!settings.apt) return undefined;
  const { keyFile, ...source } = settings.apt;
  return { ...source, key: readNamed("gardenos:apt.keyFile", keyFile, problems) ?? "" };
}

/** What the settings make necessary. Undefined in a stack without Supabase, and while its settings are broken. */
function supabaseNeeds(supabase: Partial<Settings>["supabase"]): SupabaseNeeds | undefined {
  if (!supabase || supabase.profile === "none") return undefined;
  const { storage, smtp, oauth, keys } = supabase;
  return {
    ...{ storage: storage !== undefined, smtp: smtp !== undefined },
    ...{ oauth: Object.keys(oauth), keys: keys.accepted },
  };
}

function memoryTable(settings: Settings): string | undefined {
  const found = settings.profile === "hosts" ? undefined : capacity(settings);
  return found && renderCapacity(found);
}

/**
 * @throws pulumi.RunError that lists every problem with field, got, want and fix. It prints without a stack.
 */
export function load(): Loaded {
  const identity = { project: pulumi.getProject(), stack: pulumi.getStack() };
  const raw = rawSettings(pulumi.runtime.allConfig());
  const parsed = parseSettings(raw, SECRET_KEYS);
  const { settings } = parsed;
  const problems = [...parsed.problems, ...checkSettings(settings, identity, parsed.rejectedNodes)];
  const manifest = readManifest(settings, problems);
  const authorizedKeys = readAuthorizedKeys(settings, problems);
  const apt = readApt(settings, problems);
  const { services, supabase } = settingsOfProfile(settings);
  const functions = readFunctions(supabase?.profile === "full" ? supabase.functions : undefined, problems);
  problems.push(
    ...checkManifest(settings, manifest),
    ...checkPasswords(raw[POSTGRES_PASSWORDS], settings.postgres && Object.keys(settings.postgres.databases)),
    ...checkAiApiKey(raw[AI_API_KEY], needsProvider(services)),
    ...checkRegistries(raw[REGISTRIES]),
    ...checkSupabaseSecrets(raw[SUPABASE_SECRETS], supabaseNeeds(supabase)),
  );
  if (problems.length > 0 || !manifest) {
    throw new pulumi.RunError(renderProblems(`Pulumi.${identity.stack}.yaml`, problems));
  }
  const plan = makePlan(identity, settings as Settings, manifest);
  const config = new pulumi.Config();
  const postgresPasswords = config.getSecretObject<Record<string, string>>(POSTGRES_PASSWORDS);
  const aiApiKey = config.getSecret(AI_API_KEY);
  const registries =
    config.getSecretObject<Record<string, { username: string; password: string }>>(REGISTRIES);
  const supabaseSecrets = config.getSecretObject<SupabaseSecrets>(SUPABASE_SECRETS);
  return {
    plan,
    authorizedKeys,
    functions,
    ...(apt && { apt }),
    ...(postgresPasswords && { postgresPasswords }),
    ...(aiApiKey && { aiApiKey }),
    ...(registries && { registries }),
    ...(supabaseSecrets && { supabaseSecrets }),
    memory: memoryTable(settings as Settings),
    warnings: planWarnings(plan),
  };
}
