/** Records as the API shows them. */
import { images, locations, serverTypes } from "./catalog.ts";
import type { FirewallRecord, NetworkRecord, PlacementGroupRecord, ServerRecord } from "./records.ts";
import type { Store } from "./store.ts";

/** With what is derived: who is attached. */
export function viewNetwork(store: Store, network: NetworkRecord): object {
  const servers = store.records.servers.filter(({ private_net }) =>
    private_net.some((card) => card.network === network.id),
  );
  const subnets = network.subnets.map((subnet) => ({ ...subnet, vswitch_id: null }));
  return { ...network, subnets, routes: [], servers: servers.map(({ id }) => id), load_balancers: [] };
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
    load_balancers: [],
  };
}
