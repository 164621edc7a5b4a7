/** A load balancer's place in a network, and its targets. */
import { z } from "zod";
import type { Existing, Properties } from "../../engine/driver.ts";
import { parseInputs } from "../properties.ts";
import { splitId, vanished } from "./attachments.ts";
import type { Client } from "./client.ts";
import { ApiError, orGone } from "./errors.ts";
import { type Kind, reference } from "./kind.ts";

const answer = z.object({
  load_balancer: z.object({
    public_net: z.object({ enabled: z.boolean() }),
    private_net: z.array(z.object({ network: z.number(), ip: z.string() })),
    targets: z.array(
      z.object({
        type: z.string(),
        server: z.object({ id: z.number() }).nullish(),
        use_private_ip: z.boolean().default(false),
      }),
    ),
  }),
});

async function get(client: Client, id: number | string) {
  return (await orGone(client.call("GET", `/load_balancers/${id}`, answer)))?.load_balancer;
}

const act = (client: Client, id: number | string, action: string, body: object, sitOut: string[] = []) =>
  client.run("POST", `/load_balancers/${id}/actions/${action}`, { body, sitOut });

/** The API's way to say that the work is done already. */
async function unless(code: string, work: Promise<void>): Promise<void> {
  try {
    await work;
  } catch (error) {
    if (!(error instanceof ApiError && error.code === code)) throw error;
  }
}

const networkInputs = z.strictObject({
  loadBalancerId: reference,
  networkId: reference.optional(),
  subnetId: z.string().optional(),
  ip: z.string().optional(),
  enablePublicInterface: z.boolean().default(true),
});

function placeOf(inputs: Properties) {
  const given = parseInputs(networkInputs, "LoadBalancerNetwork", inputs);
  const { loadBalancerId: balancer, networkId, subnetId, ip, enablePublicInterface: isPublic } = given;
  if ((networkId === undefined) === (subnetId === undefined))
    throw new Error("LoadBalancerNetwork: give either networkId or subnetId");
  const subnet = subnetId === undefined ? undefined : splitId(subnetId);
  const network = networkId ?? Number(subnet?.first);
  return { id: `${balancer}-${network}`, balancer, network, ipRange: subnet?.rest, ip, isPublic };
}

/** By its id, or undefined when it or the load balancer is gone. */
async function lookUpPlace(client: Client, id: string): Promise<Existing | undefined> {
  const { first, rest } = splitId(id);
  const balancer = await get(client, first);
  const found = balancer?.private_net.find(({ network }) => network === Number(rest));
  if (balancer === undefined || found === undefined) return undefined;
  return {
    id,
    outputs: {
      loadBalancerId: Number(first),
      networkId: found.network,
      ip: found.ip,
      enablePublicInterface: balancer.public_net.enabled,
    },
  };
}

/** The step after attaching; repeated on a change and for one that was found. */
async function setPublicInterface(client: Client, found: Existing, isPublic: boolean): Promise<Existing> {
  if (found.outputs["enablePublicInterface"] === isPublic) return found;
  const action = isPublic ? "enable_public_interface" : "disable_public_interface";
  await act(client, splitId(found.id).first, action, {});
  return { ...found, outputs: { ...found.outputs, enablePublicInterface: isPublic } };
}

export const loadBalancerNetwork: Kind = {
  schema: networkInputs,
  replace: ["loadBalancerId", "networkId", "subnetId", "ip"],
  observed: ["ip", "enablePublicInterface"],
  async create(client, inputs) {
    const { id, balancer, network, ipRange, ip, isPublic } = placeOf(inputs);
    const attaching = act(client, balancer, "attach_to_network", { network, ip_range: ipRange, ip }, [
      "service_error",
      "no_subnet_available",
    ]);
    await unless("load_balancer_already_attached", attaching);
    // It may be attached to another network, and can be in one only.
    const found = (await lookUpPlace(client, id)) ?? vanished(`attachment ${id}`);
    return setPublicInterface(client, found, isPublic);
  },
  async update(client, old, news) {
    const found = (await lookUpPlace(client, old.id)) ?? vanished(`attachment ${old.id}`);
    return (await setPublicInterface(client, found, placeOf(news).isPublic)).outputs;
  },
  read: (client, old) => lookUpPlace(client, old.id),
  async find(client, inputs) {
    const { id, ip, isPublic } = placeOf(inputs);
    const found = await lookUpPlace(client, id);
    if (found === undefined || (ip !== undefined && found.outputs["ip"] !== ip)) return undefined;
    return setPublicInterface(client, found, isPublic);
  },
  async delete(client, old) {
    if ((await lookUpPlace(client, old.id)) === undefined) return;
    const { first, rest } = splitId(old.id);
    await orGone(act(client, first, "detach_from_network", { network: Number(rest) }, ["service_error"]));
  },
};

const targetInputs = z.strictObject({
  type: z.literal("server", { error: "the lab's driver knows targets of type server only" }),
  loadBalancerId: reference,
  serverId: reference,
  usePrivateIp: z.boolean().default(false),
});
type TargetInputs = z.infer<typeof targetInputs>;

const parseTarget = (inputs: Properties): TargetInputs =>
  parseInputs(targetInputs, "LoadBalancerTarget", inputs);
const targetId = ({ serverId, loadBalancerId }: TargetInputs): string =>
  `lb-srv-tgt-${serverId}-${loadBalancerId}`;

/** Undefined when it or the load balancer is gone. */
async function lookUpTarget(client: Client, id: string): Promise<Existing | undefined> {
  const [, server, balancer] = /^lb-srv-tgt-(\d+)-(\d+)$/.exec(id) ?? [];
  if (server === undefined || balancer === undefined)
    throw new Error(`hcloud: "${id}" is no id of a load balancer's target: run refresh, then run again`);
  const targets = (await get(client, balancer))?.targets ?? [];
  const found = targets.find((target) => target.server?.id === Number(server));
  if (found === undefined) return undefined;
  const ids = { loadBalancerId: Number(balancer), serverId: Number(server) };
  return { id, outputs: { type: found.type, ...ids, usePrivateIp: found.use_private_ip } };
}

async function addTarget(client: Client, target: TargetInputs): Promise<Existing> {
  const { loadBalancerId, serverId: id, usePrivateIp: use_private_ip } = target;
  const body = { type: "server", server: { id }, use_private_ip };
  // As the real provider: the attachment to the network may be on its way.
  const sitOut = ["load_balancer_not_attached_to_network"];
  await unless("target_already_defined", act(client, loadBalancerId, "add_target", body, sitOut));
  return (await lookUpTarget(client, targetId(target))) ?? vanished(`target ${targetId(target)}`);
}

async function removeTarget(client: Client, { loadBalancerId, serverId: id }: TargetInputs): Promise<void> {
  const removing = act(client, loadBalancerId, "remove_target", { type: "server", server: { id } });
  // It may have gone with the network or the server.
  await orGone(unless("load_balancer_target_not_found", removing));
}

export const loadBalancerTarget: Kind = {
  schema: targetInputs,
  isOldSdk: true,
  replace: ["loadBalancerId", "serverId"],
  observed: ["usePrivateIp"],
  create: (client, inputs) => addTarget(client, parseTarget(inputs)),
  /** The API has no call for it: the target is away for a moment. */
  async update(client, old, news) {
    await removeTarget(client, parseTarget(old.inputs));
    return (await addTarget(client, parseTarget(news))).outputs;
  },
  read: (client, old) => lookUpTarget(client, old.id),
  async find(client, inputs) {
    const target = parseTarget(inputs);
    const found = await lookUpTarget(client, targetId(target));
    return found?.outputs["usePrivateIp"] === target.usePrivateIp ? found : undefined;
  },
  async delete(client, old) {
    if ((await lookUpTarget(client, old.id)) !== undefined)
      await removeTarget(client, parseTarget(old.inputs));
  },
};
