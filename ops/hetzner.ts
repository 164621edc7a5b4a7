/** The few calls of Hetzner's API that on-call's tools make themselves. */
import { z } from "zod";
import type { StackExports } from "../exports.ts";
import type { TargetHealth } from "./access.ts";

/** The API and the right to use it. */
export interface HetznerApi {
  /** Ends with the version: `https://api.hetzner.cloud/v1`. */
  readonly url: string;
  /** Secret. */
  readonly token: string;
}

const serverSchema = z.object({
  id: z.number(),
  name: z.string(),
  status: z.string(),
  labels: z.record(z.string(), z.string()),
  private_net: z.array(z.object({ network: z.number(), ip: z.string(), mac_address: z.string() })),
});

export type Server = z.output<typeof serverSchema>;

const balancerSchema = z.object({
  name: z.string(),
  public_net: z.object({ ipv4: z.object({ ip: z.string().nullish() }) }),
  targets: z.array(
    z.object({
      server: z.object({ id: z.number() }).optional(),
      health_status: z.array(z.object({ status: z.enum(["healthy", "unhealthy", "unknown"]) })).optional(),
    }),
  ),
});

/** @throws Error with the method, the path and what the API said */
export async function callApi(
  { url, token }: HetznerApi,
  method: "GET" | "POST" | "DELETE",
  path: string,
  body?: unknown,
): Promise<unknown> {
  const response = await fetch(`${url}${path}`, {
    method,
    headers: { authorization: `Bearer ${token}`, "content-type": "application/json" },
    ...(body !== undefined && { body: JSON.stringify(body) }),
    signal: AbortSignal.timeout(30_000),
  });
  const text = await response.text();
  if (!response.ok) throw new Error(`${method} ${path}: ${response.status} ${text}`);
  return text === "" ? {} : JSON.parse(text);
}

/** The project's first fifty servers. */
export async function listServers(api: HetznerApi): Promise<readonly Server[]> {
  const answer = await callApi(api, "GET", "/servers?per_page=50");
  return z.object({ servers: z.array(serverSchema) }).parse(answer).servers;
}

/** State of a server by its name. Questions at the same time share one call, because calls are counted. */
export function serverStates(api: HetznerApi): (name: string) => Promise<string> {
  let asking: Promise<readonly Server[]> | undefined;
  return async (name) => {
    asking ??= listServers(api).finally(() => {
      asking = undefined;
    });
    return (await asking).find((server) => server.name === name)?.status ?? "gone";
  };
}

/**
 * What the stack's load balancer thinks of each node: healthy when all its services do, by node key.
 * @throws Error when the project has no such load balancer
 */
export async function targetHealth(
  api: HetznerApi,
  { entry, nodes }: Pick<StackExports, "entry" | "nodes">,
): Promise<Readonly<Record<string, TargetHealth>>> {
  const [servers, answer] = await Promise.all([
    listServers(api),
    callApi(api, "GET", "/load_balancers?per_page=50"),
  ]);
  const { load_balancers: all } = z.object({ load_balancers: z.array(balancerSchema) }).parse(answer);
  const balancer = all.find(({ public_net }) => entry?.addresses.includes(public_net.ipv4.ip ?? ""));
  if (!balancer) {
    throw new Error(`no load balancer of this project has ${entry?.addresses.join(", ") ?? "an address"}`);
  }
  const idOf = new Map(servers.map(({ id, name }) => [name, id]));
  return Object.fromEntries(
    Object.entries(nodes).map(([key, { name }]) => {
      const target = balancer.targets.find(({ server }) => server && server.id === idOf.get(name));
      return [key, combined(target?.health_status?.map(({ status }) => status) ?? [])];
    }),
  );
}

function combined(services: readonly TargetHealth[]): TargetHealth {
  const [first = "unknown"] = services;
  return services.every((each) => each === first) ? first : "unknown";
}
