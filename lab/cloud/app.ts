/** The HTTP side: what happens to every call, and where it goes. */
import type { HttpBindings } from "@hono/node-server";
import { getConnInfo } from "@hono/node-server/conninfo";
import { type Context, Hono, type MiddlewareHandler } from "hono";
import type { ContentfulStatusCode } from "hono/utils/http-status";
import { body, type Parts } from "./api.ts";
import { ApiError, invalidInput } from "./errors.ts";
import { type Fault, type Faults, fault as faultSchema } from "./faults.ts";
import type { Bucket } from "./rate-limit.ts";
import type { RequestLog } from "./request-log.ts";
import { actions } from "./routes/actions.ts";
import { catalog } from "./routes/catalog.ts";
import { firewalls } from "./routes/firewalls.ts";
import { loadBalancerActions, loadBalancers } from "./routes/load-balancers.ts";
import { networkActions, networks } from "./routes/networks.ts";
import { placementGroups } from "./routes/placement-groups.ts";
import { serverActions } from "./routes/server-actions.ts";
import { servers } from "./routes/servers.ts";
import { sshKeys } from "./routes/ssh-keys.ts";
import { rrsets, zones } from "./routes/zones.ts";

/** All that calls depend on. */
export interface AppOptions {
  readonly parts: Parts;
  readonly token: string;
  readonly readOnlyToken: string | undefined;
  readonly bucket: Bucket;
  readonly faults: Faults;
  readonly requests: RequestLog;
  readonly controls?: Hono | undefined;
  readonly log: (line: string) => void;
}

type Env = { Bindings: HttpBindings };

/** The whole API below /v1, and the lab's own controls below /_lab. */
export function createApp(options: AppOptions): Hono<Env> {
  const app = new Hono<Env>();
  app.onError((error, c) => {
    if (error instanceof ApiError) return c.json(error.body, error.status);
    options.log(`cloud: ${c.req.method} ${c.req.path}: ${error.message}`);
    return c.json(new ApiError(500, "server_error", "the lab's cloud has failed: see its log").body, 500);
  });
  app.notFound((c) => {
    const message = `${c.req.method} ${c.req.path}: not part of the lab's cloud`;
    return c.json(new ApiError(404, "not_found", message).body, 404);
  });
  app.use("/v1/*", observe(options), authorize(options), persist(options));
  const api = new Hono();
  const all = [
    sshKeys,
    networks,
    networkActions,
    firewalls,
    placementGroups,
    servers,
    serverActions,
    loadBalancers,
    loadBalancerActions,
    zones,
    rrsets,
    actions,
    catalog,
  ];
  for (const routes of all) routes(api, options.parts);
  app.route("/v1", api);
  addLabRoutes(app, options);
  return app;
}

/** Counts the call, takes it from the bucket, and spoils it if that was asked for. */
function observe({ bucket, faults, requests }: AppOptions): MiddlewareHandler<Env> {
  return async (c, next) => {
    const path = c.req.path.slice("/v1".length);
    requests.add(c.req.method, path);
    const isLeft = bucket.take();
    for (const [name, value] of Object.entries(bucket.headers)) c.header(name, value);
    if (!isLeft) throw new ApiError(429, "rate_limit_exceeded", "limit of requests per hour reached");
    const fault = faults.take(c.req.method, path);
    if (fault === undefined) return next();
    if (fault.drop === undefined) throw errorOf(fault);
    if (fault.drop === "answer") await next();
    c.env.incoming.socket.destroy();
    return c.body(null); // Nobody is left to read it.
  };
}

function errorOf({ status = 500, code, message }: Fault): ApiError {
  if (code === "invalid_input") return invalidInput([], message);
  return new ApiError(status as ContentfulStatusCode, code, message);
}

function authorize({ token, readOnlyToken }: AppOptions): MiddlewareHandler<Env> {
  return async (c, next) => {
    const given = c.req.header("authorization");
    const mayRead = readOnlyToken !== undefined && given === `Bearer ${readOnlyToken}`;
    if (!mayRead && given !== `Bearer ${token}`)
      throw new ApiError(401, "unauthorized", "unable to authenticate");
    if (mayRead && c.req.method !== "GET")
      throw new ApiError(403, "token_readonly", "the token is only allowed to perform GET requests");
    await next();
  };
}

/** What has been answered is on disk. */
function persist({ parts }: AppOptions): MiddlewareHandler<Env> {
  return async (c, next) => {
    await next();
    if (c.req.method !== "GET" && c.res.ok) parts.store.save();
  };
}

/** Controls of the lab and for tests; not part of Hetzner's API, and for this machine only. */
function addLabRoutes(app: Hono<Env>, { faults, requests, controls }: AppOptions): void {
  app.use("/_lab/*", async (c, next) => {
    if (!isLoopback(c)) throw new ApiError(403, "forbidden", "only from the machine the lab runs on");
    await next();
  });
  app.get("/_lab/requests", (c) => c.json({ requests: requests.all }));
  app.post("/_lab/faults", async (c) => {
    faults.add(await body(c, faultSchema));
    return c.body(null, 204);
  });
  if (controls) app.route("/_lab", controls);
}

function isLoopback(c: Context): boolean {
  const { address = "" } = getConnInfo(c).remote;
  return address === "::1" || address.replace(/^::ffff:/, "").startsWith("127.");
}
