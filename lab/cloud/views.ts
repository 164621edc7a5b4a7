/** Records as the API shows them. */
import type { TargetHealth } from "./balancers.ts";
import { images, loadBalancerTypes, locations, serverTypes } from "./catalog.ts";
import type {
  FirewallRecord,
  LoadBalancerRecord,
  NetworkRecord,
  PlacementGroupRecord,
  RrsetRecord,
  ServerRecord,
  ZoneRecord,
} from "./records.ts";
import type { Store } from "./store.ts";

/** With what is derived: who is attached. */
export function viewNetwork(store: Store, network: NetworkRecord): object {
  const servers = store.records.servers.filter(({ private_net }) =>
    private_net.some((card) => card.network === network.id),
  );
  const subnets = network.subnets.map((subnet) => ({ ...subnet, vswitch_id: null }));
  const load_balancers = store.records.load_balancers
    .filter(({ private_net }) => private_net.some((place) => place.network === network.id))
    .map(({ id }) => id);
  return { ...network, subnets, routes: [], servers: servers.map(({ id }) => id), load_balancers };
}

/** With what is derived: where it is applied. */
export function viewFirewall(store: Store, firewall: FirewallRecord): object {
  const servers = store.records.servers.filter(({ firewalls }) => firewalls.includes(firewall.id));
  const rules = firewall.rules.map((rule) => ({ ...rule, destination_ips: [] }));
  return { ...firewall, rules, applied_to: servers.map(({ id }) => ({ type: "server", server: { id } })) };
}

/** With what is derived: its members. */
export function viewPlacementGroup(store: Store, group: PlacementGroupRecord): object {
  const servers = store.records.servers.filter(({ placement_group }) => placement_group === group.id);
  return { ...group, servers: servers.map(({ id }) => id) };
}

/** What the records can't know of a server. */
export interface Live {
  readonly status: ServerRecord["status"];
  readonly locked: boolean;
}

/** Without the user-data, as on Hetzner, and without the datacenter, which is gone since July 2026. */
export function viewServer(store: Store, server: ServerRecord, live: Live): object {
  const { id, name, labels, created, protection, primary_disk_size, placement_group } = server;
  const group = placement_group === null ? null : store.get("placement_groups", placement_group);
  return {
    id,
    name,
    labels,
    created,
    ...live,
    public_net: {
      ipv4: { id: server.id, ip: server.public_ip, blocked: false, dns_ptr: `${name}.lab.invalid` },
      ipv6: null,
      floating_ips: [],
      firewalls: server.firewalls.map((firewall) => ({ id: firewall, status: "applied" })),
    },
    private_net: server.private_net.map((card) => ({ ...card, alias_ips: [] })),
    server_type: serverTypes.find((type) => type.name === server.server_type),
    image: images.find((image) => image.id === server.image),
    location: locations.find((location) => location.name === server.location),
    placement_group: group === null ? null : viewPlacementGroup(store, group),
    protection,
    primary_disk_size,
    included_traffic: 0,
    outgoing_traffic: 0,
    ingoing_traffic: 0,
    backup_window: null,
    rescue_enabled: false,
    iso: null,
    volumes: [],
    load_balancers: store.records.load_balancers
      .filter(({ targets }) => targets.some((target) => target.server === server.id))
      .map((balancer) => balancer.id),
  };
}

/** With the health of its targets, per service. The lab has no IPv6. */
export function viewLoadBalancer(balancer: LoadBalancerRecord, health: readonly TargetHealth[]): object {
  const { public_ip, public_interface, services, targets, ...rest } = balancer;
  const statusOf = (server: number, listen_port: number) =>
    health.find((one) => one.server === server && one.listenPort === listen_port)?.health ?? "unknown";
  return {
    ...rest,
    public_net: {
      enabled: public_interface,
      ipv4: { ip: public_ip, dns_ptr: `${balancer.name}.lab.invalid` },
      ipv6: { ip: null, dns_ptr: null },
    },
    location: locations.find(({ name }) => name === balancer.location),
    load_balancer_type: loadBalancerTypes.find(({ name }) => name === balancer.load_balancer_type),
    services: services.map((service) => ({ ...service, http: null })),
    targets: targets.map(({ server, use_private_ip }) => ({
      type: "server",
      server: { id: server },
      use_private_ip,
      health_status: services.map(({ listen_port }) => ({
        listen_port,
        status: statusOf(server, listen_port),
      })),
    })),
    included_traffic: 0,
    outgoing_traffic: 0,
    ingoing_traffic: 0,
  };
}

/** Nobody has asked the lab's zones anything: delegation and registrar are unknown. */
export function viewZone(zone: ZoneRecord): object {
  const { rrsets, ...rest } = zone;
  const assigned = rrsets.find(({ name, type }) => name === "@" && type === "NS")?.records ?? [];
  return {
    ...rest,
    status: "ok",
    record_count: rrsets.reduce((sum, { records }) => sum + records.length, 0),
    primary_nameservers: [],
    authoritative_nameservers: {
      assigned: assigned.map(({ value }) => value),
      delegated: [],
      delegation_last_check: null,
      delegation_status: "unknown",
    },
    registrar: "unknown",
  };
}

export function viewRrset(zone: ZoneRecord, rrset: RrsetRecord): object {
  return { id: `${rrset.name}/${rrset.type}`, zone: zone.id, ...rrset };
}
