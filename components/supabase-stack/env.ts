/**
 * What each service reads from its environment: plain values, which the plan decides, and secret ones. Names: the services' own documents and
 * supabase/supabase, docker-compose.yml. Pure.
 */
import { NAMESPACES } from "../../plan/namespaces.ts";
import { factsOf, SUPABASE_SERVICES, type SupabasePlan, type SupabaseService } from "../../plan/supabase.ts";
import { DATABASE_CA } from "../kubernetes/database-ca.ts";
import type { SupabaseKeys } from "./keys.ts";

export type Env = Readonly<Record<string, string>>;

/** How services reach the database: the primary, without a pooler, because they listen and prepare. */
export interface DatabaseAddress {
  readonly host: string;
  readonly port: number;
  readonly name: string;
}

export interface PlainInput {
  readonly plan: SupabasePlan;
  readonly database: DatabaseAddress;
}

/** Everything here is secret. */
export interface Material {
  readonly keys: SupabaseKeys;
  /** By role. */
  readonly passwords: Readonly<Record<string, string>>;
  /** Authority of the database, PEM: no secret, and some services want it as a value. */
  readonly databaseCa: string;
  /** Drawn once, each of the length that its service wants. */
  readonly drawn: {
    readonly realtimeEncryption: string;
    /** Who signs by it makes tenants. No JWT_SECRET: by that the legacy keys are signed, which are in pages. */
    readonly realtimeApi: string;
    readonly secretKeyBase: string;
    /** What Realtime's pods know each other by: the image's own is known to everybody. */
    readonly releaseCookie: string;
    readonly metaCrypto: string;
    /** Empty where Studio is not served. */
    readonly studioPassword: string;
  };
  readonly s3?: { readonly accessKeyId: string; readonly secretAccessKey: string };
  readonly smtpPassword?: string;
  /** Client secrets by provider. */
  readonly oauth: Readonly<Record<string, string>>;
}

/** Name of the one tenant that Realtime has; it reads it from the first label of the host that it is called by. */
export const TENANT = "realtime-dev";

/**
 * Where all of Realtime's pods and its tenant are. Pods of no region send nothing to each other, and each takes itself for the one that
 * holds the tenant's connection (supabase/realtime v2.129.8, lib/realtime/gen_rpc/pub_sub.ex, nodes.ex). One of the names that it knows;
 * it says nothing about the place.
 */
export const REALTIME_REGION = "us-east-1";

const port = (service: SupabaseService): string => String(SUPABASE_SERVICES[service].port);
const inside = (service: SupabaseService): string => `http://${service}:${port(service)}`;
const runs = ({ plan }: PlainInput, service: SupabaseService): boolean =>
  plan.services[service] !== undefined;

function authEnv({ plan }: PlainInput): Env {
  const { smtp, oauth, publicUrl } = plan;
  const verify = Object.fromEntries(
    ["INVITE", "CONFIRMATION", "RECOVERY", "EMAIL_CHANGE"].map((kind) => [
      `GOTRUE_MAILER_URLPATHS_${kind}`,
      "/auth/v1/verify",
    ]),
  );
  const providers = Object.entries(oauth).flatMap(([name, settings]) => {
    const key = (field: string) => `GOTRUE_EXTERNAL_${name.toUpperCase()}_${field}`;
    return [
      [key("ENABLED"), "true"],
      [key("CLIENT_ID"), settings?.clientId ?? ""],
      [key("REDIRECT_URI"), `${publicUrl}/auth/v1/callback`],
    ] as const;
  });
  return {
    ...{
      GOTRUE_API_HOST: "0.0.0.0",
      GOTRUE_API_PORT: port("auth"),
      API_EXTERNAL_URL: `${publicUrl}/auth/v1`,
    },
    ...{ GOTRUE_SITE_URL: plan.siteUrl, GOTRUE_URI_ALLOW_LIST: plan.redirectUrls.join(",") },
    ...{ GOTRUE_DB_DRIVER: "postgres", GOTRUE_DB_MAX_POOL_SIZE: "10" },
    ...{ GOTRUE_JWT_AUD: "authenticated", GOTRUE_JWT_DEFAULT_GROUP_NAME: "authenticated" },
    ...{ GOTRUE_JWT_ADMIN_ROLES: "service_role", GOTRUE_JWT_EXP: String(plan.keys.tokenSeconds) },
    ...{ GOTRUE_JWT_ISSUER: `${publicUrl}/auth/v1`, GOTRUE_DISABLE_SIGNUP: String(!plan.signUp) },
    ...{ GOTRUE_EXTERNAL_EMAIL_ENABLED: "true", GOTRUE_EXTERNAL_PHONE_ENABLED: "false" },
    // Nobody could confirm an address without a mail.
    GOTRUE_MAILER_AUTOCONFIRM: String(smtp === undefined),
    ...verify,
    ...(smtp && {
      ...{ GOTRUE_SMTP_HOST: smtp.host, GOTRUE_SMTP_PORT: String(smtp.port), GOTRUE_SMTP_USER: smtp.user },
      ...{ GOTRUE_SMTP_ADMIN_EMAIL: smtp.from, GOTRUE_SMTP_SENDER_NAME: smtp.senderName },
    }),
    ...Object.fromEntries(providers),
  };
}

const restEnv = ({ plan }: PlainInput): Env => ({
  ...{ PGRST_SERVER_PORT: port("rest"), PGRST_ADMIN_SERVER_PORT: String(SUPABASE_SERVICES.rest.probe.port) },
  ...{ PGRST_DB_SCHEMAS: plan.schemas.join(","), PGRST_DB_EXTRA_SEARCH_PATH: "extensions" },
  ...{ PGRST_DB_ANON_ROLE: "anon", PGRST_DB_USE_LEGACY_GUCS: "false" },
  ...{ PGRST_DB_MAX_ROWS: "1000", PGRST_DB_POOL: "10", PGRST_DB_POOL_ACQUISITION_TIMEOUT: "10" },
});

const realtimeEnv = ({ database }: PlainInput): Env => ({
  ...{ PORT: port("realtime"), APP_NAME: "realtime", RLIMIT_NOFILE: "10000", RUN_JANITOR: "true" },
  ...{ DB_HOST: database.host, DB_PORT: String(database.port), DB_NAME: database.name },
  ...{ DB_USER: SUPABASE_SERVICES.realtime.login, DB_SSL: "true", DB_SSL_CA_CERT: DATABASE_CA },
  DB_AFTER_CONNECT_QUERY: "SET search_path TO _realtime",
  // Pods find each other by the names of a headless Service.
  ...{ CLUSTER_STRATEGIES: "DNS", DNS_NODES: `realtime-nodes.${NAMESPACES.supabase.name}.svc.cluster.local` },
  ...{ REGION: REALTIME_REGION, ERL_AFLAGS: "-proto_dist inet_tcp" },
});

/** Values that only the pod knows: variable → field of the pod. Realtime's nodes are called by their addresses. */
export const podFields = (service: SupabaseService): Env =>
  service === "realtime" ? { POD_IP: "status.podIP" } : {};

function storageEnv(input: PlainInput): Env {
  const { storage, publicUrl } = input.plan;
  const images = runs(input, "imgproxy");
  return {
    ...{ SERVER_PORT: port("storage"), STORAGE_PUBLIC_URL: publicUrl, DATABASE_MAX_CONNECTIONS: "10" },
    ...{ REQUEST_ALLOW_X_FORWARDED_PATH: "true", TENANT_ID: "supabase", DB_INSTALL_ROLES: "false" },
    ...{ STORAGE_BACKEND: "s3", STORAGE_S3_FORCE_PATH_STYLE: "true", REGION: storage?.region ?? "" },
    ...{ STORAGE_S3_BUCKET: storage?.bucket ?? "", STORAGE_S3_ENDPOINT: storage?.endpoint ?? "" },
    ...{ STORAGE_S3_REGION: storage?.region ?? "", FILE_SIZE_LIMIT: String(storage?.largestFileBytes ?? 0) },
    ENABLE_IMAGE_TRANSFORMATION: String(images),
    ...(images && { IMGPROXY_URL: inside("imgproxy") }),
  };
}

/** Storage hands it addresses that are signed: it has no keys. */
const imgproxyEnv = (): Env => ({ IMGPROXY_BIND: `:${port("imgproxy")}`, IMGPROXY_USE_ETAG: "true" });

const metaEnv = ({ database }: PlainInput): Env => ({
  ...{ PG_META_PORT: port("meta"), PG_META_DB_HOST: database.host, PG_META_DB_PORT: String(database.port) },
  ...{ PG_META_DB_NAME: database.name, PG_META_DB_USER: SUPABASE_SERVICES.meta.login },
  PG_META_DB_SSL_MODE: "verify-full",
});

const studioEnv = ({ plan, database }: PlainInput): Env => ({
  ...{ HOSTNAME: "0.0.0.0", PORT: port("studio"), STUDIO_PG_META_URL: inside("meta") },
  ...{ POSTGRES_HOST: database.host, POSTGRES_PORT: String(database.port), POSTGRES_DB: database.name },
  ...{ POSTGRES_USER_READ_WRITE: SUPABASE_SERVICES.meta.login, PGRST_DB_SCHEMAS: plan.schemas.join(",") },
  ...{ DEFAULT_ORGANIZATION_NAME: "GardenOS", DEFAULT_PROJECT_NAME: plan.database },
  ...{
    SUPABASE_URL: inside("gateway"),
    SUPABASE_PUBLIC_URL: plan.publicUrl,
    ENABLED_FEATURES_LOGS_ALL: "false",
  },
});

const functionsEnv = ({ plan }: PlainInput): Env => ({
  ...{ SUPABASE_URL: inside("gateway"), SUPABASE_PUBLIC_URL: plan.publicUrl, VERIFY_JWT: "true" },
  // Its cache; nothing else of the file system can be written.
  DENO_DIR: "/tmp/deno",
});

const PLAIN: Readonly<Record<SupabaseService, (input: PlainInput) => Env>> = {
  ...{ auth: authEnv, rest: restEnv, realtime: realtimeEnv, storage: storageEnv, gateway: () => ({}) },
  ...{ imgproxy: imgproxyEnv, meta: metaEnv, studio: studioEnv, functions: functionsEnv },
};

/** The values of a service that are no secret. */
export const plainEnv = (service: SupabaseService, input: PlainInput): Env => PLAIN[service](input);

/** @throws Error when a role has no password */
export function passwordOf({ passwords }: Material, service: SupabaseService): string {
  const { login = "" } = factsOf(service);
  const found = passwords[login];
  if (found === undefined) throw new Error(`${service}: the role ${login} has no password`);
  return found;
}

/** As libpq and pgx read it; passwords have no character that a URL would want escaped. */
function databaseUrl(
  service: SupabaseService,
  material: Material,
  { host, port: at, name }: DatabaseAddress,
): string {
  const { login = "" } = factsOf(service);
  const tls = `sslmode=verify-full&sslrootcert=${DATABASE_CA}`;
  return `postgres://${login}:${passwordOf(material, service)}@${host}:${at}/${name}?${tls}`;
}

const awsEnv = ({ s3 }: Material): Env =>
  s3 ? { AWS_ACCESS_KEY_ID: s3.accessKeyId, AWS_SECRET_ACCESS_KEY: s3.secretAccessKey } : {};

type SecretEnv = (material: Material, database: DatabaseAddress) => Env;

const SECRET: Readonly<Record<SupabaseService, SecretEnv>> = {
  auth: (material, database) => ({
    GOTRUE_DB_DATABASE_URL: databaseUrl("auth", material, database),
    ...{ GOTRUE_JWT_SECRET: material.keys.jwtSecret, GOTRUE_JWT_KEYS: material.keys.signingKeys },
    ...(material.smtpPassword !== undefined && { GOTRUE_SMTP_PASS: material.smtpPassword }),
    ...Object.fromEntries(
      Object.entries(material.oauth).map(([name, secret]) => [
        `GOTRUE_EXTERNAL_${name.toUpperCase()}_SECRET`,
        secret,
      ]),
    ),
  }),
  rest: (material, database) => ({
    PGRST_DB_URI: databaseUrl("rest", material, database),
    PGRST_JWT_SECRET: material.keys.jwks,
  }),
  realtime: (material) => ({
    ...{ DB_PASSWORD: passwordOf(material, "realtime"), DB_ENC_KEY: material.drawn.realtimeEncryption },
    ...{ API_JWT_SECRET: material.drawn.realtimeApi, METRICS_JWT_SECRET: material.keys.jwtSecret },
    ...{ SECRET_KEY_BASE: material.drawn.secretKeyBase, RELEASE_COOKIE: material.drawn.releaseCookie },
  }),
  storage: (material, database) => ({
    ...{
      DATABASE_URL: databaseUrl("storage", material, database),
      DATABASE_SSL_ROOT_CERT: material.databaseCa,
    },
    ...{ ANON_KEY: material.keys.anonKey, SERVICE_KEY: material.keys.serviceRoleKey },
    ...{ AUTH_JWT_SECRET: material.keys.jwtSecret, JWT_JWKS: material.keys.jwks },
    ...awsEnv(material),
  }),
  gateway: () => ({}),
  imgproxy: () => ({}),
  meta: (material) => ({
    ...{ PG_META_DB_PASSWORD: passwordOf(material, "meta"), PG_META_DB_SSL_ROOT_CERT: material.databaseCa },
    CRYPTO_KEY: material.drawn.metaCrypto,
  }),
  studio: (material) => ({
    ...{ POSTGRES_PASSWORD: passwordOf(material, "meta"), PG_META_CRYPTO_KEY: material.drawn.metaCrypto },
    ...{ SUPABASE_ANON_KEY: material.keys.anonKey, SUPABASE_SERVICE_KEY: material.keys.serviceRoleKey },
    ...{
      SUPABASE_PUBLISHABLE_KEY: material.keys.publishableKey,
      SUPABASE_SECRET_KEY: material.keys.secretKey,
    },
    AUTH_JWT_SECRET: material.keys.jwtSecret,
  }),
  functions: ({ keys }) => ({
    ...{
      JWT_SECRET: keys.jwtSecret,
      SUPABASE_ANON_KEY: keys.anonKey,
      SUPABASE_SERVICE_ROLE_KEY: keys.serviceRoleKey,
    },
    SUPABASE_PUBLISHABLE_KEYS: JSON.stringify({ default: keys.publishableKey }),
    SUPABASE_SECRET_KEYS: JSON.stringify({ default: keys.secretKey }),
  }),
};

/** The secret values of a service: what it needs, and nothing that only others do. */
export const secretEnv = (service: SupabaseService, material: Material, database: DatabaseAddress): Env =>
  SECRET[service](material, database);
