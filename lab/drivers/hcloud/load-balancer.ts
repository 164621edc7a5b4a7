/** Load balancers and their services. */
import { z } from "zod";
import type { Existing, Properties } from "../../engine/driver.ts";
import { defined, parseInputs } from "../properties.ts";
import { type Client, readAnswer } from "./client.ts";
import { orGone } from "./errors.ts";
import { flag, isSame, type Kind, labels, name, reference } from "./kind.ts";
import { namedKind } from "./named.ts";

const algorithm = z.object({ type: z.enum(["round_robin", "least_connections"]) });

const balancerAnswer = z.object({
  id: z.number(),
  name: z.string(),
  labels: z.record(z.string(), z.string()).default({}),
  load_balancer_type: z.object({ name: z.string() }),
  location: z.object({ name: z.string(), network_zone: z.string() }),
  algorithm: z.object({ type: z.string() }),
  protection: z.object({ delete: z.boolean() }),
  public_net: z.object({
    ipv4: z.object({ ip: z.string().nullish() }),
    ipv6: z.object({ ip: z.string().nullish() }),
  }),
  private_net: z.array(z.object({ network: z.number(), ip: z.string() })).default([]),
  targets: z
    .array(z.object({ type: z.string(), server: z.object({ id: z.number() }).nullish() }))
    .default([]),
});

export const loadBalancer = namedKind({
  collection: "load_balancers",
  wrapper: "load_balancer",
  schema: z.strictObject({
    name,
    loadBalancerType: z.string(),
    location: z.string().optional(),
    networkZone: z.string().optional(),
    algorithm: algorithm.optional(),
    labels,
    deleteProtection: flag,
  }),
  isOldSdk: true,
  blocks: ["algorithm"],
  replace: ["location", "networkZone"],
  observed: [
    ...["name", "labels", "loadBalancerType", "location", "networkZone"],
    ...["algorithm", "deleteProtection"],
  ],
  body: (inputs) =>
    defined({
      name: inputs["name"],
      load_balancer_type: inputs["loadBalancerType"],
      location: inputs["location"],
      network_zone: inputs["networkZone"],
      algorithm: inputs["algorithm"],
      labels: inputs["labels"],
    }),
  outputs(one) {
    const answer = readAnswer(balancerAnswer, one, "load_balancer");
    const [place] = answer.private_net;
    return defined({
      name: answer.name,
      labels: answer.labels,
      loadBalancerType: answer.load_balancer_type.name,
      location: answer.location.name,
      networkZone: answer.location.network_zone,
      algorithm: answer.algorithm,
      deleteProtection: answer.protection.delete,
      // As the real provider prints a missing one.
      ipv4: answer.public_net.ipv4.ip ?? "<nil>",
      ipv6: answer.public_net.ipv6.ip ?? "<nil>",
      networkId: place?.network,
      networkIp: place?.ip,
      targets: answer.targets.map(({ type, server }) => ({
        type,
        serverId: server?.id ?? 0,
        usePrivateIp: false,
      })),
    });
  },
  async settle(client, one, inputs) {
    const present = readAnswer(balancerAnswer, one, "load_balancer");
    const act = (action: string, body: object) =>
      client.run("POST", `/load_balancers/${one.id}/actions/${action}`, { body });
    const type = inputs["loadBalancerType"];
    if (present.load_balancer_type.name !== type) await act("change_type", { load_balancer_type: type });
    const wanted = inputs["algorithm"];
    if (wanted !== undefined && !isSame(present.algorithm, wanted))
      await act("change_algorithm", algorithm.parse(wanted));
    const protection = inputs["deleteProtection"] ?? false;
    if (present.protection.delete !== protection) await act("change_protection", { delete: protection });
  },
});

const httpCheck = z.strictObject({
  domain: z.string().optional(),
  path: z.string().optional(),
  response: z.string().optional(),
  tls: z.boolean().optional(),
  statusCodes: z.array(z.string()).optional(),
});
const serviceInputs = z.strictObject({
  loadBalancerId: reference,
  protocol: z.literal("tcp", { error: "the lab's driver knows tcp only" }),
  listenPort: z.number(),
  destinationPort: z.number(),
  proxyprotocol: flag,
  healthCheck: z
    .strictObject({
      protocol: z.enum(["tcp", "http"]),
      port: z.number(),
      interval: z.number(),
      timeout: z.number(),
      retries: z.number(),
      http: httpCheck.optional(),
    })
    .optional(),
});
type ServiceInputs = z.infer<typeof serviceInputs>;

const serviceAnswer = z.object({
  protocol: z.string(),
  listen_port: z.number(),
  destination_port: z.number(),
  proxyprotocol: z.boolean(),
  health_check: z.object({
    protocol: z.string(),
    port: z.number(),
    interval: z.number(),
    timeout: z.number(),
    retries: z.number(),
    http: z
      .object({
        domain: z.string().nullish(),
        path: z.string().nullish(),
        response: z.string().nullish(),
        tls: z.boolean().default(false),
        status_codes: z.array(z.string()).nullish(),
      })
      .nullish(),
  }),
});
const servicesAnswer = z.object({ load_balancer: z.object({ services: z.array(serviceAnswer) }) });

function parseId(id: string): { readonly balancer: number; readonly port: number } {
  const [, balancer, port] = /^(\d+)__(\d+)$/.exec(id) ?? [];
  if (balancer && port) return { balancer: Number(balancer), port: Number(port) };
  throw new Error(`hcloud: "${id}" is no id of a load balancer's service: run refresh, then run again`);
}

const parseService = (inputs: Properties): ServiceInputs =>
  parseInputs(serviceInputs, "LoadBalancerService", inputs);
const serviceId = ({ loadBalancerId, listenPort }: ServiceInputs): string =>
  `${loadBalancerId}__${listenPort}`;

/** The service by its id, or undefined when it or its load balancer is gone. */
async function lookUpService(client: Client, id: string): Promise<Existing | undefined> {
  const { balancer, port } = parseId(id);
  const answer = await orGone(client.call("GET", `/load_balancers/${balancer}`, servicesAnswer));
  const found = answer?.load_balancer.services.find(({ listen_port }) => listen_port === port);
  if (found === undefined) return undefined;
  const { http, ...check } = found.health_check;
  const httpOutputs = http && {
    domain: http.domain ?? "",
    path: http.path ?? "",
    response: http.response ?? "",
    tls: http.tls,
    statusCodes: http.status_codes ?? [],
  };
  return {
    id,
    outputs: {
      loadBalancerId: String(balancer),
      protocol: found.protocol,
      listenPort: found.listen_port,
      destinationPort: found.destination_port,
      proxyprotocol: found.proxyprotocol,
      healthCheck: { ...check, ...(httpOutputs && { http: httpOutputs }) },
    },
  };
}

function serviceBody(service: ServiceInputs): object {
  const { http, ...check } = service.healthCheck ?? {};
  const { statusCodes, ...fields } = http ?? {};
  return {
    protocol: service.protocol,
    listen_port: service.listenPort,
    destination_port: service.destinationPort,
    proxyprotocol: service.proxyprotocol,
    health_check: service.healthCheck && {
      ...check,
      http: http && { ...fields, status_codes: statusCodes },
    },
  };
}

async function serviceAction(client: Client, action: string, service: ServiceInputs): Promise<Existing> {
  const id = serviceId(service);
  await client.run("POST", `/load_balancers/${service.loadBalancerId}/actions/${action}`, {
    body: serviceBody(service),
    // Another service of the same load balancer may still be going.
    sitOut: ["service_error"],
  });
  const made = await lookUpService(client, id);
  if (made) return made;
  throw new Error(`hcloud: service ${id} was there a moment ago and is gone. Run refresh, then run again.`);
}

export const loadBalancerService: Kind = {
  schema: serviceInputs,
  isOldSdk: true,
  blocks: ["healthCheck", "http"],
  replace: ["loadBalancerId", "protocol", "listenPort"],
  observed: ["destinationPort", "proxyprotocol", "healthCheck"],
  create: (client, inputs) => serviceAction(client, "add_service", parseService(inputs)),
  async update(client, _old, news) {
    return (await serviceAction(client, "update_service", parseService(news))).outputs;
  },
  read: (client, old) => lookUpService(client, old.id),
  async find(client, inputs) {
    const service = parseService(inputs);
    const found = await lookUpService(client, serviceId(service));
    // A port of a load balancer that is ours can't be anybody else's.
    return found && serviceAction(client, "update_service", service);
  },
  async delete(client, old) {
    if ((await lookUpService(client, old.id)) === undefined) return;
    const { balancer, port } = parseId(old.id);
    const body = { listen_port: port };
    await orGone(client.run("POST", `/load_balancers/${balancer}/actions/delete_service`, { body }));
  },
};
