/**
 * Supabase's services: what each listens on, how it is asked whether it works, what it logs in as and where it must get out. One table for
 * objects, policies, the gateway, the capacity check and the lab's stand-in. Ports and probes: supabase/supabase, docker-compose.yml.
 */
import type { Settings } from "../config/schema.ts";
import type { Quantity } from "../lib/quantity.ts";
import type { Images } from "./artifacts.ts";
import { hostName } from "./services.ts";

/** Profiles in which a service runs. */
type Profile = "core" | "full";

export interface SupabaseServiceFacts {
  readonly profile: Profile;
  /** Its image in the artifact manifest. */
  readonly image: keyof Images;
  readonly port: number;
  /** Over HTTP; without a path a connection is enough. */
  readonly probe: { readonly path?: string; readonly port: number };
  /** Pods where nothing is configured. One: it keeps something between two requests that another pod would not have. */
  readonly replicas: 1 | 2;
  readonly cpu: string;
  readonly memory: Quantity;
  /** Role that it logs in to the database as. */
  readonly login?: string;
  /**
   * Connections that a pod opens to the database at most: its pool as components/supabase-stack/env.ts sets it, and what it listens by.
   * Realtime's is an estimate: its own pool, and one for its tenant.
   */
  readonly connections?: number;
  /** Leaves the cluster: for mail and identity providers, object storage, or what functions call. */
  readonly outside?: true;
}

export const SUPABASE_SERVICES = {
  auth: {
    image: "supabaseAuth",
    ...{ profile: "core", port: 9999, probe: { path: "/health", port: 9999 }, replicas: 2 },
    ...{ cpu: "50m", memory: "128Mi", login: "supabase_auth_admin", connections: 10, outside: true },
  },
  rest: {
    image: "supabaseRest",
    ...{ profile: "core", port: 3000, probe: { path: "/ready", port: 3001 }, replicas: 2 },
    ...{ cpu: "50m", memory: "128Mi", login: "authenticator", connections: 11 },
  },
  realtime: {
    image: "supabaseRealtime",
    ...{ profile: "core", port: 4000, probe: { path: "/healthcheck", port: 4000 }, replicas: 2 },
    ...{ cpu: "100m", memory: "384Mi", login: "supabase_realtime", connections: 15 },
  },
  storage: {
    image: "supabaseStorage",
    ...{ profile: "core", port: 5000, probe: { path: "/status", port: 5000 }, replicas: 2 },
    ...{ cpu: "50m", memory: "256Mi", login: "supabase_storage_admin", connections: 10, outside: true },
  },
  gateway: {
    image: "supabaseGateway",
    ...{ profile: "core", port: 8000, probe: { path: "/ready", port: 9901 }, replicas: 2 },
    // Twice what the buffers of its most connections take: components/supabase-stack/gateway.ts.
    ...{ cpu: "50m", memory: "256Mi" },
  },
  imgproxy: {
    image: "supabaseImgproxy",
    ...{ profile: "full", port: 8080, probe: { path: "/health", port: 8080 }, replicas: 2 },
    ...{ cpu: "50m", memory: "256Mi", outside: true },
  },
  meta: {
    image: "supabaseMeta",
    ...{ profile: "full", port: 8080, probe: { path: "/health", port: 8080 }, replicas: 1 },
    ...{ cpu: "25m", memory: "192Mi", login: "postgres", connections: 5 },
  },
  studio: {
    image: "supabaseStudio",
    ...{ profile: "full", port: 3000, probe: { path: "/api/platform/profile", port: 3000 }, replicas: 1 },
    ...{ cpu: "50m", memory: "512Mi" },
  },
  functions: {
    image: "supabaseFunctions",
    ...{ profile: "full", port: 9000, probe: { port: 9000 }, replicas: 2 },
    ...{ cpu: "50m", memory: "256Mi", outside: true },
  },
} as const satisfies Readonly<Record<string, SupabaseServiceFacts>>;

export type SupabaseService = keyof typeof SUPABASE_SERVICES;

/** What the table says of one. */
export const factsOf = (service: SupabaseService): SupabaseServiceFacts => SUPABASE_SERVICES[service];

const entries = Object.entries(SUPABASE_SERVICES) as [SupabaseService, SupabaseServiceFacts][];

/** Services of a profile, in the table's order; functions where there is code for them. */
export const servicesOf = ({
  profile,
  functions,
}: Pick<Settings["supabase"], "profile" | "functions">): readonly SupabaseService[] =>
  entries
    .filter(([, facts]) => profile === "full" || (profile === "core" && facts.profile === "core"))
    .filter(([name]) => name !== "functions" || functions !== undefined)
    .map(([name]) => name);

/** Pods of a service: as many as are configured, or the table's number. */
export function supabasePods(
  service: SupabaseService,
  { replicas }: Pick<Settings["supabase"], "replicas">,
): number {
  const configured: Readonly<Partial<Record<SupabaseService, number>>> = replicas;
  return configured[service] ?? factsOf(service).replicas;
}

/** Connections that all pods together open at most, without the one more of a rollout. */
export const supabaseConnections = (supabase: Settings["supabase"]): number =>
  servicesOf(supabase).reduce(
    (sum, name) => sum + (factsOf(name).connections ?? 0) * supabasePods(name, supabase),
    0,
  );

/** One service, as components read it. */
export interface SupabaseServicePlan {
  readonly replicas: number;
  readonly memory: Quantity;
}

export interface SupabasePlan {
  /** By name; empty in a stack without Supabase. */
  readonly services: Readonly<Partial<Record<SupabaseService, SupabaseServicePlan>>>;
  readonly database: string;
  /** How often the passwords of the services' roles were rotated. */
  readonly rotation: number;
  /** Schemas that PostgREST serves, the first of them where a request names none. */
  readonly schemas: readonly string[];
  /** Host name of the gateway. */
  readonly host: string | undefined;
  /** `https://supabase.apps.example.org`. */
  readonly publicUrl: string;
  readonly siteUrl: string;
  readonly redirectUrls: readonly string[];
  /** Pages of these origins may call the gateway. */
  readonly corsOrigins: readonly string[];
  readonly signUp: boolean;
  readonly keys: Settings["supabase"]["keys"];
  readonly storage?: Settings["supabase"]["storage"];
  readonly smtp?: Settings["supabase"]["smtp"];
  readonly oauth: Settings["supabase"]["oauth"];
  /** Host name of Studio, where it runs and is served at all. */
  readonly studioHost: string | undefined;
}

/** Expects checked settings. */
export function planSupabase({ supabase, domain }: Pick<Settings, "supabase" | "domain">): SupabasePlan {
  const {
    profile,
    host: label,
    studio,
    functions: _,
    siteUrl,
    corsOrigins,
    replicas: __,
    ...rest
  } = supabase;
  const host = hostName(label, domain);
  const publicUrl = host === undefined ? "http://gateway.supabase:8000" : `https://${host}`;
  const site = siteUrl ?? publicUrl;
  const plans = servicesOf(supabase).map((name) => {
    const { memory } = factsOf(name);
    return [name, { memory, replicas: supabasePods(name, supabase) }] as const;
  });
  return {
    ...rest,
    services: Object.fromEntries(plans),
    ...{ host, publicUrl, siteUrl: site },
    corsOrigins: corsOrigins ?? [new URL(site).origin],
    studioHost: profile === "full" ? hostName(studio.host, domain) : undefined,
  };
}
