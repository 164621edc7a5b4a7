/**
 * Envoy's configuration as the gateway before all services: which path leads where, who may call from which page, and which keys are shown.
 * Formats: envoyproxy.io, "API reference" v3. Pure.
 */
import { readRepositoryFile } from "../../lib/repository-file.ts";
import { NAMESPACES } from "../../plan/namespaces.ts";
import { SUPABASE_SERVICES, type SupabasePlan, type SupabaseService } from "../../plan/supabase.ts";
import { KEEP_SECONDS } from "../kubernetes/pods.ts";
import { TENANT } from "./env.ts";
import type { SupabaseKeys } from "./keys.ts";
import { passwordFilter, studioHost } from "./studio.ts";

/** One way through the gateway. The first that fits counts. */
interface Route {
  readonly prefix: string;
  readonly to: SupabaseService | "nobody";
  /** In place of the prefix. */
  readonly as?: string;
  /** Without a key: mails and identity providers have none. Nobody looks at keys on this way. */
  readonly open?: true;
  /** With or without a key: one that is known becomes its token, and nothing is refused. */
  readonly keyOptional?: true;
  /** Header that the service reads the token from, beside `authorization`. */
  readonly keyHeader?: string;
  /** What the service puts before the paths that it tells clients. */
  readonly forwardedPrefix?: string;
  /** WebSockets, for as long as they live. */
  readonly webSocket?: true;
  readonly seconds?: number;
}

/** Studio is not among them: it has a host name of its own, or none. Nobody outside asks postgres-meta. */
export const ROUTES: readonly Route[] = [
  { prefix: "/auth/v1/verify", to: "auth", as: "/verify", open: true },
  { prefix: "/auth/v1/callback", to: "auth", as: "/callback", open: true },
  { prefix: "/auth/v1/authorize", to: "auth", as: "/authorize", open: true },
  { prefix: "/auth/v1/.well-known/", to: "auth", as: "/.well-known/", open: true },
  { prefix: "/auth/v1/sso/saml/", to: "auth", as: "/sso/saml/", open: true },
  { prefix: "/auth/v1/", to: "auth", as: "/" },
  { prefix: "/rest/v1/", to: "rest", as: "/", seconds: 120 },
  // Makes and shows tenants: for the stack itself.
  { prefix: "/realtime/v1/api/tenants", to: "nobody" },
  { prefix: "/realtime/v1/openapi", to: "nobody" },
  { prefix: "/realtime/v1/api/", to: "realtime", as: "/api/" },
  // Of a socket Realtime reads no `authorization`.
  { prefix: "/realtime/v1/", to: "realtime", as: "/socket/", webSocket: true, keyHeader: "x-api-key" },
  // It looks at tokens itself: public files need none. Where a resumable upload goes on it tells by the prefix.
  {
    ...{ prefix: "/storage/v1/", to: "storage", as: "/", keyOptional: true, seconds: 600 },
    forwardedPrefix: "/storage/v1",
  },
  { prefix: "/functions/v1/", to: "functions", as: "/", open: true, seconds: 300 },
];

const type = (name: string) => ({ "@type": `type.googleapis.com/envoy.${name}` });
const LUA = "envoy.filters.http.lua";
const CORS = "envoy.filters.http.cors";

const openRoute = { [LUA]: { ...type("extensions.filters.http.lua.v3.LuaPerRoute"), disabled: true } };

/** What the script reads of a route. */
const luaMetadata = ({ keyOptional, keyHeader }: Route): object =>
  keyOptional || keyHeader !== undefined
    ? {
        metadata: {
          filter_metadata: {
            [LUA]: {
              ...(keyOptional && { key_optional: true }),
              ...(keyHeader !== undefined && { key_header: keyHeader }),
            },
          },
        },
      }
    : {};

const overwrite = (key: string, value: string): object => ({
  header: { key, value },
  append_action: "OVERWRITE_IF_EXISTS_OR_ADD",
});

/** Only what no pod has seen yet: the pod of a lost node is in the list for up to 45 s. */
const ANOTHER_POD = {
  ...{ retry_on: "connect-failure,refused-stream", num_retries: 3 },
  retry_host_predicate: [
    {
      name: "envoy.retry_host_predicates.previous_hosts",
      typed_config: type("extensions.retry.host.previous_hosts.v3.PreviousHostsPredicate"),
    },
  ],
  host_selection_retry_max_attempts: 3,
};

function route(way: Route): object {
  const { prefix, to, as = "/", open, webSocket, seconds = 30, forwardedPrefix } = way;
  const match = { prefix };
  if (to === "nobody") {
    const body = { inline_string: '{"message":"this is not served"}' };
    return { match, direct_response: { status: 404, body }, typed_per_filter_config: openRoute };
  }
  return {
    match,
    route: {
      cluster: to,
      prefix_rewrite: as,
      timeout: webSocket ? "0s" : `${seconds}s`,
      retry_policy: ANOTHER_POD,
      ...(webSocket && { upgrade_configs: [{ upgrade_type: "websocket" }], idle_timeout: "3600s" }),
      ...(to === "realtime" && { host_rewrite_literal: TENANT }),
    },
    ...luaMetadata(way),
    ...(forwardedPrefix !== undefined && {
      request_headers_to_add: [overwrite("x-forwarded-prefix", forwardedPrefix)],
    }),
    ...(open && { typed_per_filter_config: openRoute }),
  };
}

const cors = (origins: readonly string[]) => ({
  ...type("extensions.filters.http.cors.v3.CorsPolicy"),
  allow_origin_string_match: origins.map((exact) => ({ exact })),
  // A service would answer with its own opinion of strangers.
  forward_not_matching_preflights: false,
  allow_methods: "GET,HEAD,PUT,PATCH,POST,DELETE,OPTIONS",
  allow_headers:
    "authorization,apikey,x-client-info,content-type,accept-profile,content-profile,prefer,range,x-upsert,x-supabase-api-version,tus-resumable,upload-length,upload-metadata,upload-offset,cache-control,x-metadata,x-signature,x-region",
  expose_headers:
    "content-range,content-location,location,tus-resumable,upload-offset,x-supabase-api-version",
  max_age: "3600",
});

/** Said by the gateway alone: services that allow every origin would widen it. */
const CORS_HEADERS = ["origin", "credentials", "methods", "headers"].map(
  (name) => `access-control-allow-${name}`,
);

/** Lua's own notation. @throws Error when a key has a character that none of ours has */
export function luaTable(tokens: Readonly<Record<string, string>>): string {
  const text = (value: string): string => {
    if (!/^[\w.-]+$/.test(value)) throw new Error("a key of the gateway has a character that no key has");
    return `"${value}"`;
  };
  const lines = Object.entries(tokens).map(([key, token]) => `  [${text(key)}] = ${text(token)},`);
  return ["TOKENS = {", ...lines, "}", ""].join("\n");
}

const httpFilter = (name: string, config: object) => ({ name, typed_config: config });

function connectionManager(name: string, routes: object, filters: readonly object[]): object {
  return {
    name: "envoy.filters.network.http_connection_manager",
    typed_config: {
      ...type("extensions.filters.network.http_connection_manager.v3.HttpConnectionManager"),
      stat_prefix: name,
      route_config: routes,
      // The ingress controller before it has seen the client.
      ...{ use_remote_address: false, xff_num_trusted_hops: 1 },
      // Or /auth/v1/verify/../admin would be asked without a key: a path is what the service will take it for.
      ...{ normalize_path: true, merge_slashes: true },
      path_with_escaped_slashes_action: "UNESCAPE_AND_REDIRECT",
      http_filters: [
        ...filters,
        httpFilter("envoy.filters.http.router", type("extensions.filters.http.router.v3.Router")),
      ],
    },
  };
}

/**
 * A client's connection has one to a service behind it, and each a buffer both ways: 1000 × 4 × 32 KiB are 125 MiB, half of what
 * plan/supabase.ts lets the gateway have (envoyproxy.io, "Configuring Envoy as an edge proxy").
 */
const BUFFER_BYTES = 32_768;
const MOST_CONNECTIONS = 1_000;

const overload = () => ({
  resource_monitors: [
    {
      name: "envoy.resource_monitors.global_downstream_max_connections",
      typed_config: {
        ...type("extensions.resource_monitors.downstream_connections.v3.DownstreamConnectionsConfig"),
        max_active_downstream_connections: MOST_CONNECTIONS,
      },
    },
  ],
});

const listener = (name: string, port: number, manager: object, more: object = {}) => ({
  name,
  ...more,
  address: { socket_address: { address: "0.0.0.0", port_value: port } },
  per_connection_buffer_limit_bytes: BUFFER_BYTES,
  filter_chains: [{ filters: [manager] }],
});

/** envoyproxy.io, "HttpProtocolOptions": an hour by default. */
const UPSTREAM_HTTP = {
  "envoy.extensions.upstreams.http.v3.HttpProtocolOptions": {
    ...type("extensions.upstreams.http.v3.HttpProtocolOptions"),
    explicit_http_config: { http_protocol_options: {} },
    common_http_protocol_options: { idle_timeout: `${KEEP_SECONDS}s` },
  },
};

/**
 * A pod that can't be reached twice in a row is left out for five seconds, then for longer each time. What a pod answers, errors too, is
 * its own affair. (envoyproxy.io, "Outlier detection")
 */
const UNREACHABLE = {
  split_external_local_origin_errors: true,
  ...{ consecutive_local_origin_failure: 2, base_ejection_time: "5s", max_ejection_percent: 50 },
  ...{ enforcing_consecutive_5xx: 0, enforcing_success_rate: 0, enforcing_local_origin_success_rate: 0 },
};

const cluster = (service: SupabaseService) => ({
  name: service,
  type: "STRICT_DNS",
  // By the pods' own addresses: their Services are headless. A pod that can be reached answers at once.
  connect_timeout: "0.5s",
  outlier_detection: UNREACHABLE,
  typed_extension_protocol_options: UPSTREAM_HTTP,
  per_connection_buffer_limit_bytes: BUFFER_BYTES,
  load_assignment: {
    cluster_name: service,
    endpoints: [
      {
        lb_endpoints: [
          {
            endpoint: {
              address: {
                socket_address: {
                  address: `${service}.${NAMESPACES.supabase.name}.svc.cluster.local`,
                  port_value: SUPABASE_SERVICES[service].port,
                },
              },
            },
          },
        ],
      },
    ],
  },
});

/** Secret. */
export interface GatewaySecrets {
  readonly keys: Pick<SupabaseKeys, "tokens">;
  readonly studioPassword: string;
}

/** The bootstrap file as plain values. A secret: it has all keys. */
export function gatewayConfig(plan: SupabasePlan, { keys, studioPassword }: GatewaySecrets): object {
  const { port, probe } = SUPABASE_SERVICES.gateway;
  const routes = ROUTES.filter(({ to }) => to === "nobody" || plan.services[to] !== undefined);
  const studio = plan.studioHost === undefined ? [] : [plan.studioHost];
  const targets = new Set(routes.flatMap(({ to }) => (to === "nobody" ? [] : [to])));
  if (studio.length > 0) targets.add("studio");
  const script = `${luaTable(keys.tokens)}${readRepositoryFile("files/supabase/gateway.lua")}`;
  const lua = {
    ...type("extensions.filters.http.lua.v3.Lua"),
    default_source_code: { inline_string: script },
  };
  const filters = [
    httpFilter(CORS, type("extensions.filters.http.cors.v3.Cors")),
    ...studio.map(() => passwordFilter(studioPassword)),
    httpFilter(LUA, lua),
  ];
  const hosts = studio.map((host) => studioHost(host, studioPassword, openRoute));
  const services = {
    name: "services",
    domains: ["*"],
    typed_per_filter_config: { [CORS]: cors(plan.corsOrigins) },
    response_headers_to_remove: CORS_HEADERS,
    routes: routes.map(route),
  };
  const health = {
    name: "health",
    domains: ["*"],
    routes: [{ match: { path: probe.path }, direct_response: { status: 200 } }],
  };
  return {
    // For `kubectl exec` only: whoever reaches it can end the gateway.
    admin: { address: { socket_address: { address: "127.0.0.1", port_value: 9902 } } },
    overload_manager: overload(),
    static_resources: {
      listeners: [
        listener(
          "services",
          port,
          connectionManager("services", { name: "services", virtual_hosts: [...hosts, services] }, filters),
        ),
        listener(
          "health",
          probe.port,
          connectionManager("health", { name: "health", virtual_hosts: [health] }, []),
          // A gateway with all the clients that it takes is well.
          { ignore_global_conn_limit: true },
        ),
      ],
      clusters: [...targets].map(cluster),
    },
  };
}
