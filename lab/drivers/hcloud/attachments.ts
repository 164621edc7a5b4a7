/** Subnets of a network, and servers' places in a network: things that live inside others. */
import { z } from "zod";
import type { Existing, Properties } from "../../engine/driver.ts";
import { parseInputs } from "../properties.ts";
import type { Client } from "./client.ts";
import { ApiError, orGone } from "./errors.ts";
import { type Kind, reference } from "./kind.ts";

/** Splits `123-10.0.0.0/24` or `45-123` at the first hyphen. */
export function splitId(id: string): { readonly first: string; readonly rest: string } {
  const [, first, rest] = /^(\d+)-(.+)$/.exec(id) ?? [];
  if (first !== undefined && rest !== undefined) return { first, rest };
  throw new Error(`hcloud: "${id}" is no id of a subnet or an attachment: run refresh, then run again`);
}

const subnetInputs = z.strictObject({
  networkId: reference,
  type: z.enum(["cloud", "server"]),
  networkZone: z.string(),
  ipRange: z.string(),
});
const networkAnswer = z.object({
  network: z.object({
    subnets: z.array(
      z.object({ type: z.string(), ip_range: z.string(), network_zone: z.string(), gateway: z.string() }),
    ),
  }),
});

/** The subnet by its id, or undefined when it or its network is gone. */
async function lookUpSubnet(client: Client, id: string): Promise<Existing | undefined> {
  const { first: networkId, rest: ipRange } = splitId(id);
  const answer = await orGone(client.call("GET", `/networks/${networkId}`, networkAnswer));
  const subnet = answer?.network.subnets.find((one) => one.ip_range === ipRange);
  if (subnet === undefined) return undefined;
  return {
    id,
    outputs: {
      networkId: Number(networkId),
      type: subnet.type,
      ipRange: subnet.ip_range,
      networkZone: subnet.network_zone,
      gateway: subnet.gateway,
    },
  };
}

function subnetId(inputs: Properties): string {
  const { networkId, ipRange } = parseInputs(subnetInputs, "NetworkSubnet", inputs);
  return `${networkId}-${ipRange}`;
}

export const networkSubnet: Kind = {
  schema: subnetInputs,
  isOldSdk: true,
  replace: ["networkId", "type", "networkZone", "ipRange"],
  observed: ["networkId", "type", "networkZone", "ipRange"],
  async create(client, inputs) {
    const subnet = parseInputs(subnetInputs, "NetworkSubnet", inputs);
    const body = { type: subnet.type, ip_range: subnet.ipRange, network_zone: subnet.networkZone };
    await client.run("POST", `/networks/${subnet.networkId}/actions/add_subnet`, { body });
    const id = subnetId(inputs);
    return (await lookUpSubnet(client, id)) ?? vanished(`subnet ${id}`);
  },
  read: (client, old) => lookUpSubnet(client, old.id),
  find: (client, inputs) => lookUpSubnet(client, subnetId(inputs)),
  async delete(client, old) {
    if ((await lookUpSubnet(client, old.id)) === undefined) return;
    const { first, rest } = splitId(old.id);
    // `service_error` is how the API says that servers are still attached.
    const options = { body: { ip_range: rest }, sitOut: ["service_error"] };
    await orGone(client.run("POST", `/networks/${first}/actions/delete_subnet`, options));
  },
};

/** For what was made and is not there when it is read. */
export function vanished(what: string): never {
  throw new Error(`hcloud: ${what} was there a moment ago and is gone. Run refresh, then run again.`);
}

const attachmentInputs = z.strictObject({
  serverId: reference,
  networkId: reference.optional(),
  subnetId: z.string().optional(),
  ip: z.string().optional(),
});
const serverAnswer = z.object({
  server: z.object({
    private_net: z.array(
      z.object({
        network: z.number(),
        ip: z.string(),
        alias_ips: z.array(z.string()).default([]),
        mac_address: z.string(),
      }),
    ),
  }),
});

interface Place {
  readonly id: string;
  readonly serverId: number;
  readonly networkId: number;
  readonly ipRange?: string;
  readonly ip?: string | undefined;
}

function placeOf(inputs: Properties): Place {
  const { serverId, networkId, subnetId, ip } = parseInputs(attachmentInputs, "ServerNetwork", inputs);
  if ((networkId === undefined) === (subnetId === undefined))
    throw new Error("ServerNetwork: give either networkId or subnetId");
  const subnet = subnetId === undefined ? undefined : splitId(subnetId);
  const id = networkId ?? Number(subnet?.first);
  const place = { id: `${serverId}-${id}`, serverId, networkId: id, ip };
  return subnet === undefined ? place : { ...place, ipRange: subnet.rest };
}

/** The attachment by its id, or undefined when it or its server is gone. */
async function lookUpAttachment(client: Client, id: string): Promise<Existing | undefined> {
  const { first: serverId, rest: networkId } = splitId(id);
  const answer = await orGone(client.call("GET", `/servers/${serverId}`, serverAnswer));
  const nic = answer?.server.private_net.find((one) => one.network === Number(networkId));
  if (nic === undefined) return undefined;
  const outputs = { ip: nic.ip, aliasIps: nic.alias_ips, macAddress: nic.mac_address };
  return { id, outputs: { serverId: Number(serverId), networkId: Number(networkId), ...outputs } };
}

async function attach(client: Client, place: Place): Promise<void> {
  try {
    await client.run("POST", `/servers/${place.serverId}/actions/attach_to_network`, {
      body: { network: place.networkId, ip_range: place.ipRange, ip: place.ip },
      sitOut: ["service_error", "no_subnet_available"],
    });
  } catch (error) {
    if (!(error instanceof ApiError && error.code === "server_already_attached")) throw error;
  }
}

export const serverNetwork: Kind = {
  schema: attachmentInputs,
  replace: ["serverId", "networkId", "subnetId", "ip"],
  observed: ["ip"],
  async create(client, inputs) {
    const place = placeOf(inputs);
    await attach(client, place);
    return (await lookUpAttachment(client, place.id)) ?? vanished(`attachment ${place.id}`);
  },
  read: (client, old) => lookUpAttachment(client, old.id),
  async find(client, inputs) {
    const found = await lookUpAttachment(client, placeOf(inputs).id);
    const isOurs = inputs["ip"] === undefined || found?.outputs["ip"] === inputs["ip"];
    return isOurs ? found : undefined;
  },
  async delete(client, old) {
    const { first, rest } = splitId(old.id);
    const options = { body: { network: Number(rest) }, sitOut: ["service_error"] };
    await orGone(client.run("POST", `/servers/${first}/actions/detach_from_network`, options));
  },
};
