/** What may be done to a load balancer's record, and what it then should forward. */
import { nthAddress } from "../../lib/cidr.ts";
import { LAB_NET } from "../addresses.ts";
import type { BalancerInput, ServiceChange, ServiceInput, TargetInput } from "./balancer-schemas.ts";
import type { BalancerSpec, HealthCheck, TargetSpec } from "./balancers.ts";
import { type LoadBalancerType, loadBalancerTypes, locations } from "./catalog.ts";
import { ApiError, invalidField } from "./errors.ts";
import { chooseAddress } from "./private-networks.ts";
import type { LoadBalancerRecord, ServerRecord } from "./records.ts";
import type { AttachInput } from "./schemas.ts";
import type { Store } from "./store.ts";

/** Host parts of the public addresses; servers have those below. */
const PUBLIC_HOSTS = { first: 200, last: 254 };
const DEFAULT_CHECK = { protocol: "tcp", interval: 15, timeout: 10, retries: 3 } as const;
const DEFAULT_HTTP = { domain: "", path: "/", response: "", status_codes: ["2??", "3??"], tls: false };

/** The new record, not yet stored and without network, services and targets. @throws ApiError */
export function orderBalancer(store: Store, input: BalancerInput): LoadBalancerRecord {
  const type = balancerType(input.load_balancer_type);
  if ((input.location === undefined) === (input.network_zone === undefined))
    throw invalidField("location", "either location or network_zone must be given");
  const location = locations.find(
    ({ name, network_zone }) => name === input.location || network_zone === input.network_zone,
  );
  if (location === undefined)
    throw invalidField("location", `location '${input.location ?? input.network_zone}' not found`);
  return {
    ...store.named("load_balancers", input),
    load_balancer_type: type.name,
    location: location.name,
    public_ip: freePublicIp(store),
    public_interface: input.public_interface,
    private_net: [],
    algorithm: input.algorithm,
    services: [],
    targets: [],
    protection: { delete: false },
  };
}

/** @throws ApiError when there is no such type */
function balancerType(wanted: number | string): LoadBalancerType {
  const found = loadBalancerTypes.find(({ id, name }) => name === wanted || id === Number(wanted));
  if (found) return found;
  throw invalidField("load_balancer_type", `Load Balancer type '${wanted}' not found`);
}

/** @throws ApiError when it has more than the type allows */
export function changeType(balancer: LoadBalancerRecord, wanted: number | string): void {
  const type = balancerType(wanted);
  if (balancer.services.length > type.max_services || balancer.targets.length > type.max_targets)
    throw new ApiError(
      422,
      "invalid_load_balancer_type",
      `Load Balancer has more services or targets than type ${type.name} allows`,
    );
  balancer.load_balancer_type = type.name;
}

/** @throws ApiError when the port is taken or the type's limit is reached */
export function addService(balancer: LoadBalancerRecord, input: ServiceInput): void {
  const { protocol, listen_port, destination_port, proxyprotocol } = input;
  if (balancer.services.some((service) => service.listen_port === listen_port))
    throw new ApiError(422, "source_port_already_used", `source port ${listen_port} is already in use`);
  refuseMore("services", balancer.services.length, balancerType(balancer.load_balancer_type).max_services);
  const health_check = mergeCheck({ ...DEFAULT_CHECK, port: destination_port, http: null }, input);
  balancer.services.push({ protocol, listen_port, destination_port, proxyprotocol, health_check });
}

/** Changes what is given. @throws ApiError */
export function updateService(balancer: LoadBalancerRecord, change: ServiceChange): void {
  const service = findService(balancer, change.listen_port);
  service.destination_port = change.destination_port ?? service.destination_port;
  service.proxyprotocol = change.proxyprotocol ?? service.proxyprotocol;
  service.health_check = mergeCheck(service.health_check, change);
}

/** @throws ApiError */
export function deleteService(balancer: LoadBalancerRecord, listenPort: number): void {
  const service = findService(balancer, listenPort);
  balancer.services = balancer.services.filter((other) => other !== service);
}

/** @throws ApiError when it is one already, or can't be reached on the side that is asked for */
export function addTarget(store: Store, balancer: LoadBalancerRecord, input: TargetInput): void {
  const { use_private_ip } = input;
  const server = store.get("servers", input.server.id);
  if (balancer.targets.some((target) => target.server === server.id))
    throw new ApiError(422, "target_already_defined", "target is already defined");
  refuseMore("targets", balancer.targets.length, balancerType(balancer.load_balancer_type).max_targets);
  if (use_private_ip) refuseApart(balancer, server);
  else if (!balancer.public_interface) throw publicTargets();
  balancer.targets.push({ server: server.id, use_private_ip });
}

/** @throws ApiError */
export function removeTarget(balancer: LoadBalancerRecord, server: number): void {
  if (!balancer.targets.some((target) => target.server === server))
    throw new ApiError(422, "load_balancer_target_not_found", "target not found");
  balancer.targets = balancer.targets.filter((target) => target.server !== server);
}

/** @throws ApiError when it is in one already, or there is no such address */
export function attachToNetwork(store: Store, balancer: LoadBalancerRecord, input: AttachInput): void {
  const network = store.get("networks", input.network);
  if (balancer.private_net.length > 0)
    throw new ApiError(409, "load_balancer_already_attached", "load balancer is already attached");
  const ip = chooseAddress(store, balancer.location, network, input);
  balancer.private_net.push({ network: network.id, ip });
}

/** Targets that were reached there go with it. @throws ApiError */
export function detachFromNetwork(balancer: LoadBalancerRecord, network: number): void {
  if (!balancer.private_net.some((place) => place.network === network)) throw notAttached();
  leaveNetwork(balancer, network);
}

/** The same for a network that is going. */
export function leaveNetwork(balancer: LoadBalancerRecord, network: number): void {
  if (!balancer.private_net.some((place) => place.network === network)) return;
  balancer.private_net = [];
  balancer.targets = balancer.targets.filter(({ use_private_ip }) => !use_private_ip);
}

/** @throws ApiError when targets are reached from there */
export function disablePublicInterface(balancer: LoadBalancerRecord): void {
  if (balancer.targets.some(({ use_private_ip }) => !use_private_ip)) throw publicTargets();
  balancer.public_interface = false;
}

/** All load balancers as they should be. A target without an address is left out until it has one. */
export function wantedBalancers(store: Store): readonly BalancerSpec[] {
  return store.records.load_balancers.map((balancer) => {
    const [place] = balancer.private_net;
    const nic = place && {
      networkId: place.network,
      ip: place.ip,
      gateway: nthAddress(store.get("networks", place.network).ip_range, 1),
    };
    return {
      id: balancer.id,
      publicIp: balancer.public_ip,
      isPublic: balancer.public_interface,
      ...(nic && { nic }),
      algorithm: balancer.algorithm.type,
      services: balancer.services.map(({ listen_port, destination_port, proxyprotocol, health_check }) => ({
        listenPort: listen_port,
        destinationPort: destination_port,
        proxyProtocol: proxyprotocol,
        check: checkOf(health_check),
      })),
      targets: balancer.targets.flatMap((target) => targetOf(store, place?.network, target) ?? []),
    };
  });
}

type CheckRecord = LoadBalancerRecord["services"][number]["health_check"];

function checkOf({ port, interval, timeout, retries, http }: CheckRecord): HealthCheck {
  const { status_codes: statusCodes = [], ...rest } = http ?? DEFAULT_HTTP;
  return { port, interval, timeout, retries, ...(http && { http: { ...rest, statusCodes } }) };
}

function targetOf(
  store: Store,
  network: number | undefined,
  { server: id, use_private_ip }: LoadBalancerRecord["targets"][number],
): TargetSpec | undefined {
  const server = store.records.servers.find((one) => one.id === id);
  const card = server?.private_net.find((one) => one.network === network);
  const ip = use_private_ip ? card?.ip : server?.public_ip;
  return ip === undefined ? undefined : { server: id, ip, isPrivate: use_private_ip };
}

/** The check with what the request says of it; the fields of an HTTP check are there only for one. */
function mergeCheck(before: CheckRecord, { health_check: change }: ServiceChange): CheckRecord {
  const { http, ...given } = change ?? {};
  const merged = { ...before, ...defined(given) };
  const fields = { ...DEFAULT_HTTP, ...before.http, ...defined(http ?? {}) };
  const check = { ...merged, http: merged.protocol === "tcp" ? null : fields };
  if (check.timeout > check.interval)
    throw invalidField("health_check.timeout", "must not be longer than the interval");
  return check;
}

/** Without what is not set: Go clients send null for it. */
function defined<T extends object>(fields: T): { [K in keyof T]?: NonNullable<T[K]> } {
  const set = Object.entries(fields).filter(([, value]) => value !== undefined && value !== null);
  return Object.fromEntries(set) as { [K in keyof T]?: NonNullable<T[K]> };
}

function findService(
  balancer: LoadBalancerRecord,
  listenPort: number,
): LoadBalancerRecord["services"][number] {
  const service = balancer.services.find(({ listen_port }) => listen_port === listenPort);
  if (service) return service;
  throw new ApiError(404, "not_found", `service with listen port '${listenPort}' not found`);
}

function refuseMore(what: string, present: number, max: number): void {
  if (present < max) return;
  throw new ApiError(403, "resource_limit_exceeded", `Load Balancer type allows ${max} ${what}`);
}

function refuseApart(balancer: LoadBalancerRecord, server: ServerRecord): void {
  const [place] = balancer.private_net;
  if (place === undefined) throw notAttached();
  if (!server.private_net.some(({ network }) => network === place.network))
    throw new ApiError(
      422,
      "server_not_attached_to_network",
      "server is not attached to the same network as the load balancer",
    );
}

function notAttached(): ApiError {
  const message = "load balancer is not attached to a network";
  return new ApiError(422, "load_balancer_not_attached_to_network", message);
}

function publicTargets(): ApiError {
  const message = "load balancer without public interface cannot have targets with public addresses";
  return new ApiError(422, "targets_without_use_private_ip", message);
}

function freePublicIp(store: Store): string {
  const taken = new Set(store.records.load_balancers.map(({ public_ip }) => public_ip));
  for (let host = PUBLIC_HOSTS.first; host <= PUBLIC_HOSTS.last; host += 1) {
    const ip = `${LAB_NET.publicPrefix}.${host}`;
    if (!taken.has(ip)) return ip;
  }
  throw new ApiError(403, "resource_limit_exceeded", "load balancer limit exceeded");
}
