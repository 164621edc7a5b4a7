/** Which private address a server gets. */
import {
  cidrRange,
  contains,
  containsCidr,
  fromNumber,
  nthAddress,
  overlaps,
  toNumber,
} from "../../lib/cidr.ts";
import { locations } from "./catalog.ts";
import { ApiError, invalidField } from "./errors.ts";
import type { NetworkRecord, ServerRecord } from "./records.ts";
import type { AttachInput, SubnetInput } from "./schemas.ts";
import type { Store } from "./store.ts";

/** Hetzner keeps it for the public side's gateway. */
const NEVER_GIVEN = "172.31.1.1";

/** Adds a subnet to the record. @throws ApiError when it lies outside the network or upon another subnet */
export function addSubnet(network: NetworkRecord, input: SubnetInput): void {
  const { ip_range } = input;
  if (!containsCidr(network.ip_range, ip_range))
    throw invalidField("ip_range", `${ip_range} is not part of the network's range ${network.ip_range}`);
  const other = network.subnets.find((subnet) => overlaps(subnet.ip_range, ip_range));
  if (other) throw invalidField("ip_range", `${ip_range} overlaps with the subnet ${other.ip_range}`);
  network.subnets.push({ ...input, gateway: nthAddress(network.ip_range, 1) });
}

/** Adds a card to the server's record and returns it. @throws ApiError when that can't be */
export function addCard(
  store: Store,
  server: ServerRecord,
  input: AttachInput,
): ServerRecord["private_net"][number] {
  const network = store.get("networks", input.network);
  if (server.private_net.some((card) => card.network === network.id))
    throw new ApiError(409, "server_already_attached", "server is already attached to this network");
  const clash = server.private_net
    .map((card) => store.get("networks", card.network))
    .find((other) => overlaps(other.ip_range, network.ip_range));
  if (clash)
    throw new ApiError(422, "networks_overlap", `the range overlaps with that of network '${clash.name}'`);
  const ip = chooseAddress(store, server.location, network, input);
  const card = { network: network.id, ip, mac_address: macFrom(store.nextId()) };
  server.private_net.push(card);
  return card;
}

/** The address asked for, or one that is free, in a subnet that the location can use. @throws ApiError */
export function chooseAddress(
  store: Store,
  location: string,
  network: NetworkRecord,
  input: AttachInput,
): string {
  const zone = locations.find(({ name }) => name === location)?.network_zone;
  const subnets = network.subnets.filter(
    (subnet) => subnet.network_zone === zone && (input.ip_range ?? subnet.ip_range) === subnet.ip_range,
  );
  const { servers, load_balancers } = store.records;
  const cards = [...servers, ...load_balancers].flatMap((other) => other.private_net);
  const taken = new Set([NEVER_GIVEN, nthAddress(network.ip_range, 1)]);
  for (const card of cards) if (card.network === network.id) taken.add(card.ip);
  if (input.ip !== undefined) {
    const { ip } = input;
    const subnet = subnets.find(({ ip_range }) => contains(ip_range, ip));
    if (subnet && !taken.has(ip) && !isEdge(subnet.ip_range, ip)) return ip;
    const reason = subnet ? "it is taken or reserved" : `no subnet of network zone ${zone} has it`;
    throw new ApiError(422, "ip_not_available", `IP ${ip} is not available: ${reason}`);
  }
  const free = subnets.map(({ ip_range }) => firstFree(ip_range, taken)).find((ip) => ip !== undefined);
  if (free !== undefined) return free;
  const message = `no subnet or IP available in network zone ${zone}`;
  throw new ApiError(422, "no_subnet_available", message);
}

function firstFree(range: string, taken: ReadonlySet<string>): string | undefined {
  const { first, last } = cidrRange(range);
  for (let n = first + 1; n < last; n += 1) if (!taken.has(fromNumber(n))) return fromNumber(n);
  return undefined;
}

/** Network and broadcast addresses are nobody's. */
function isEdge(range: string, ip: string): boolean {
  const { first, last } = cidrRange(range);
  return toNumber(ip) === first || toNumber(ip) === last;
}

/** Hetzner's private cards begin with 86:00:00; the rest is unique because the number is. */
function macFrom(number: number): string {
  const hex = number.toString(16).padStart(6, "0").slice(-6);
  return ["86:00:00", hex.slice(0, 2), hex.slice(2, 4), hex.slice(4, 6)].join(":");
}
