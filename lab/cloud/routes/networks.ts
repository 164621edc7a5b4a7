import { contains } from "../../../lib/cidr.ts";
import { body, param, type Routes, resource, syncBalancers } from "../api.ts";
import { ApiError, notFound, refuseIfProtected } from "../errors.ts";
import { answerList } from "../listing.ts";
import { leaveNetwork } from "../load-balancers.ts";
import { addSubnet } from "../private-networks.ts";
import type { NetworkRecord, ServerRecord } from "../records.ts";
import * as schemas from "../schemas.ts";
import type { Store } from "../store.ts";
import { viewNetwork } from "../views.ts";

export const networks: Routes = (app, parts) => {
  const { store, actions, hypervisor } = parts;
  app.get("/networks", (c) =>
    answerList(c, "networks", store.records.networks, (network) => viewNetwork(store, network)),
  );

  app.get("/networks/:id", (c) =>
    c.json({ network: viewNetwork(store, store.get("networks", param(c, "id"))) }),
  );

  app.post("/networks", async (c) => {
    const { subnets, ...input } = await body(c, schemas.createNetwork);
    const { ip_range, expose_routes_to_vswitch } = input;
    const network: NetworkRecord = {
      ...store.named("networks", input),
      ip_range,
      subnets: [],
      protection: { delete: false },
      expose_routes_to_vswitch,
    };
    for (const subnet of subnets) addSubnet(network, subnet);
    store.records.networks.push(network);
    return c.json({ network: viewNetwork(store, network) }, 201);
  });

  app.put("/networks/:id", async (c) => {
    const { expose_routes_to_vswitch: expose, ...change } = await body(c, schemas.updateNetwork);
    const network = store.get("networks", param(c, "id"));
    store.rename("networks", network.id, change);
    network.expose_routes_to_vswitch = expose ?? network.expose_routes_to_vswitch;
    return c.json({ network: viewNetwork(store, network) });
  });

  /** Servers and load balancers that are still attached are detached in the background, as Hetzner does. */
  app.delete("/networks/:id", (c) => {
    const network = store.get("networks", param(c, "id"));
    refuseIfProtected(network.protection.delete, "network");
    for (const server of serversIn(store, network)) {
      server.private_net = server.private_net.filter((card) => card.network !== network.id);
      actions.enqueue(server.id, () => hypervisor.detachNic(server.id, network.id));
    }
    for (const balancer of store.records.load_balancers) leaveNetwork(balancer, network.id);
    actions.enqueue(0, () => syncBalancers(parts));
    store.remove("networks", network.id);
    return c.body(null, 204);
  });
};

export const networkActions: Routes = (app, { store, actions }) => {
  /** On the network alone: the records already have it. */
  const action = (command: string, { id }: NetworkRecord) =>
    actions.start({ command, resources: [resource("network", id)] });

  app.post("/networks/:id/actions/add_subnet", async (c) => {
    const subnet = await body(c, schemas.addSubnet);
    const network = store.get("networks", param(c, "id"));
    addSubnet(network, subnet);
    return c.json({ action: action("add_subnet", network) }, 201);
  });

  app.post("/networks/:id/actions/delete_subnet", async (c) => {
    const { ip_range } = await body(c, schemas.deleteSubnet);
    const network = store.get("networks", param(c, "id"));
    if (!network.subnets.some((subnet) => subnet.ip_range === ip_range)) throw notFound("subnet", ip_range);
    const members = [...store.records.servers, ...store.records.load_balancers];
    const cards = members.flatMap(({ private_net }) => private_net);
    if (cards.some((card) => card.network === network.id && contains(ip_range, card.ip)))
      throw new ApiError(422, "service_error", "cannot remove subnet because servers are attached to it");
    network.subnets = network.subnets.filter((subnet) => subnet.ip_range !== ip_range);
    return c.json({ action: action("delete_subnet", network) }, 201);
  });

  app.post("/networks/:id/actions/change_protection", async (c) => {
    const protection = await body(c, schemas.protectNetwork);
    const network = store.get("networks", param(c, "id"));
    network.protection = protection;
    return c.json({ action: action("change_protection", network) }, 201);
  });
};

function serversIn(store: Store, { id }: NetworkRecord): readonly ServerRecord[] {
  return store.records.servers.filter(({ private_net }) => private_net.some(({ network }) => network === id));
}
