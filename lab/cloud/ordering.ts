/** Turns an order for a server into its record, or says why not. */
import { LAB_NET } from "../addresses.ts";
import { type Image, images, locations, type ServerType, serverTypes } from "./catalog.ts";
import { ApiError, invalidField } from "./errors.ts";
import type { ServerRecord } from "./records.ts";
import type { ServerInput } from "./schemas.ts";
import type { Store } from "./store.ts";

/** Hetzner spreads over this many hosts at most. */
const SPREAD_MAX = 10;
/** Host parts of the public addresses; load balancers have those above. */
const PUBLIC_HOSTS = { first: 11, last: 199 };

/** The new server's record, not yet stored and without private cards. @throws ApiError */
export function orderServer(store: Store, input: ServerInput): ServerRecord {
  store.refuseTaken("servers", input.name);
  const type = typeFor(input.server_type, input.location);
  const image = imageFor(input.image, type);
  const firewalls = input.firewalls.map(({ firewall }) => store.get("firewalls", firewall).id);
  const ssh_keys = input.ssh_keys.map((key) => publicKey(store, key));
  if (input.placement_group !== null) refuseFullGroup(store, input.placement_group);
  const public_ip = freePublicIp(store);
  return {
    ...store.named("servers", input),
    status: "initializing",
    server_type: type.name,
    image: image.id,
    location: input.location,
    user_data: input.user_data,
    ssh_keys,
    public_ip,
    firewalls,
    private_net: [],
    placement_group: input.placement_group,
    protection: { delete: false, rebuild: false },
    primary_disk_size: type.disk,
  };
}

/** @throws ApiError when there is no such type, or not in the location */
export function typeFor(wanted: number | string, location: string): ServerType {
  const type = byIdOrName(serverTypes, wanted);
  if (type === undefined) throw invalidField("server_type", `server type '${wanted}' not found`);
  if (!locations.some(({ name }) => name === location))
    throw invalidField("location", `location '${location}' not found`);
  if (!type.locations.some(({ name }) => name === location))
    throw invalidField("location", "unsupported location for server type");
  return type;
}

/** A name stands for the image that fits the type's architecture. @throws ApiError */
export function imageFor(wanted: number | string, type: ServerType): Image {
  const found = byIdOrName(images, wanted);
  if (found === undefined) throw invalidField("image", `image '${wanted}' not found`);
  const named = images.find(
    ({ name, architecture }) => name === wanted && architecture === type.architecture,
  );
  const image = named ?? found;
  if (image.architecture === type.architecture) return image;
  throw invalidField("image", `image is for ${image.architecture}, server type for ${type.architecture}`);
}

/** @throws ApiError when the group is unknown, or has no room */
export function refuseFullGroup(store: Store, group: number): void {
  const { id } = store.get("placement_groups", group);
  const members = store.records.servers.filter(({ placement_group }) => placement_group === id);
  if (members.length < SPREAD_MAX) return;
  throw new ApiError(422, "service_error", `placement group ${id} contains already ${SPREAD_MAX} servers`);
}

function byIdOrName<T extends { readonly id: number; readonly name: string }>(
  items: readonly T[],
  wanted: number | string,
): T | undefined {
  return items.find(({ id, name }) => name === wanted || id === Number(wanted));
}

function publicKey(store: Store, wanted: number | string): string {
  const key = byIdOrName(store.records.ssh_keys, wanted);
  if (key === undefined) throw invalidField("ssh_keys", `SSH key '${wanted}' not found`);
  return key.public_key;
}

function freePublicIp(store: Store): string {
  const taken = new Set(store.records.servers.map(({ public_ip }) => public_ip));
  for (let host = PUBLIC_HOSTS.first; host <= PUBLIC_HOSTS.last; host += 1) {
    const ip = `${LAB_NET.publicPrefix}.${host}`;
    if (!taken.has(ip)) return ip;
  }
  throw new ApiError(403, "resource_limit_exceeded", "primary IPv4 limit exceeded");
}
