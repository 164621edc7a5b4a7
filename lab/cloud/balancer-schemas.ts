/** Request bodies about load balancers. What is not emulated is refused with a sentence. */
import { z } from "zod";
import { address, cidr, id, idOrName, labels, list, name } from "./schemas.ts";

const port = z.int().min(1).max(65_535);
/** Goes into a configuration: no spaces, no control characters. */
const token = (what: string) => z.string().regex(/^[!-~]*$/, `must be ${what} without spaces`);
const domain = token("a host name").nullish();
const onlyTcp = z.literal("tcp", "the lab forwards connections: protocol must be tcp");

const httpCheck = z.object({
  domain,
  path: token("a path").regex(/^\//, "must begin with /").nullish(),
  response: z
    .string()
    .regex(/^[ -~]*$/, "must be plain text in one line")
    .nullish(),
  status_codes: z
    .array(z.string().regex(/^[1-5?][0-9?]{2}$/, "must be a status such as 200 or 2??"))
    .nullish(),
  tls: z.boolean().nullish(),
});
const check = z.object({
  protocol: z.enum(["tcp", "http"]),
  port: port.optional(),
  interval: z.int().min(3).max(60).optional(),
  timeout: z.int().min(1).max(60).optional(),
  retries: z.int().min(1).max(5).optional(),
  http: httpCheck.nullish(),
});

const service = z.object({
  protocol: onlyTcp,
  listen_port: port,
  destination_port: port,
  proxyprotocol: z.boolean().default(false),
  http: z.null({ error: "the lab forwards connections, not HTTP requests" }).optional(),
  health_check: check.optional(),
});
export type ServiceInput = z.output<typeof service>;
export const addService = service;
export const updateService = service.partial().extend({
  listen_port: port,
  proxyprotocol: z.boolean().optional(),
  health_check: check.partial().optional(),
});
export type ServiceChange = z.output<typeof updateService>;
export const deleteService = z.object({ listen_port: port });

const target = z.object({
  type: z.literal("server", "the lab has targets of type server"),
  server: z.object({ id }),
});
export const addTarget = target.extend({ use_private_ip: z.boolean().default(false) });
export type TargetInput = z.output<typeof addTarget>;
export const removeTarget = target;

const algorithm = z.object({ type: z.enum(["round_robin", "least_connections"]) });
export const changeAlgorithm = algorithm;
export const changeBalancerType = z.object({ load_balancer_type: idOrName });
export const protectBalancer = z.object({ delete: z.boolean().optional() });
export const attachBalancer = z.object({ network: id, ip: address.optional(), ip_range: cidr.optional() });
export const detachBalancer = z.object({ network: id });

export const createBalancer = z.object({
  name,
  labels,
  load_balancer_type: idOrName,
  algorithm: algorithm.default({ type: "round_robin" }),
  location: z.string().optional(),
  network_zone: z.string().optional(),
  public_interface: z.boolean().default(true),
  network: id.optional(),
  services: list(service),
  targets: list(addTarget),
});
export type BalancerInput = z.output<typeof createBalancer>;
