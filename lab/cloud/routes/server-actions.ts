import type { z } from "zod";
import { body, type Parts, param, type Routes, refuseIfLocked, resource, syncBalancers } from "../api.ts";
import { ApiError, invalidField, notFound, refuseIfProtected } from "../errors.ts";
import { imageName, nicOf, stateOf } from "../machines.ts";
import { imageFor, refuseFullGroup, typeFor } from "../ordering.ts";
import { addCard } from "../private-networks.ts";
import type { LoadBalancerRecord, ServerRecord } from "../records.ts";
import * as schemas from "../schemas.ts";

/** What an action does; anything that can be refused is refused before this is returned. */
interface Effect {
  /** Who else it is about, besides the server. */
  readonly also?: { readonly type: string; readonly id: number };
  readonly work?: () => Promise<void>;
  readonly undo?: () => void;
}

export const serverActions: Routes = (app, parts) => {
  const on = <T extends z.ZodType>(
    command: string,
    schema: T,
    handle: (parts: Parts, server: ServerRecord, input: z.output<T>) => Effect,
  ): void => {
    app.post(`/servers/:id/actions/${command}`, async (c) => {
      const input = await body(c, schema);
      const server = parts.store.get("servers", param(c, "id"));
      refuseIfLocked(parts, server);
      const { also, ...effect } = handle(parts, server, input);
      const resources = [resource("server", server.id), ...(also ? [also] : [])];
      return c.json({ action: parts.actions.start({ command, resources, ...effect }) }, 201);
    });
  };

  on("poweron", schemas.nothing, ({ hypervisor }, server) =>
    power(server, "starting", "running", () => hypervisor.powerOn(server.id)),
  );
  on("poweroff", schemas.nothing, ({ hypervisor }, server) =>
    power(server, "stopping", "off", () => hypervisor.powerOff(server.id)),
  );
  on("shutdown", schemas.nothing, ({ hypervisor }, server) =>
    power(server, "stopping", "off", () => hypervisor.shutdown(server.id)),
  );
  on("reboot", schemas.nothing, ({ hypervisor }, server) =>
    power(server, "starting", "running", async () => {
      await hypervisor.shutdown(server.id);
      await hypervisor.powerOn(server.id);
    }),
  );
  on("reset", schemas.nothing, ({ hypervisor }, server) =>
    power(server, "starting", "running", async () => {
      await hypervisor.powerOff(server.id);
      await hypervisor.powerOn(server.id);
    }),
  );
  on("rebuild", schemas.rebuild, rebuild);
  on("change_type", schemas.changeType, changeType);
  on("change_protection", schemas.protectServer, changeProtection);
  on("attach_to_network", schemas.attachNetwork, attach);
  on("detach_from_network", schemas.detachNetwork, detach);
  on("add_to_placement_group", schemas.joinPlacementGroup, joinGroup);
  on("remove_from_placement_group", schemas.nothing, (_parts, server) => {
    server.placement_group = null;
    return {};
  });
};

/** Shows `during` while the machine changes, then `after`; what it was when that fails. */
function power(
  server: ServerRecord,
  during: ServerRecord["status"],
  after: "running" | "off",
  change: () => Promise<void>,
): Effect {
  const before = server.status;
  server.status = during;
  return {
    work: async () => {
      await change();
      server.status = after;
    },
    undo: () => {
      server.status = before;
    },
  };
}

function rebuild(
  { hypervisor }: Parts,
  server: ServerRecord,
  input: z.output<typeof schemas.rebuild>,
): Effect {
  refuseIfProtected(server.protection.rebuild, "server");
  const image = imageFor(input.image, typeFor(server.server_type, server.location));
  const { user_data = server.user_data } = input;
  Object.assign(server, { image: image.id, user_data });
  return power(server, "rebuilding", "running", () =>
    hypervisor.rebuild(server.id, imageName(image.id), user_data),
  );
}

function changeType(parts: Parts, server: ServerRecord, input: z.output<typeof schemas.changeType>): Effect {
  const type = typeFor(input.server_type, server.location);
  refuseIfRunning(parts, server);
  const { architecture } = typeFor(server.server_type, server.location);
  if (type.architecture !== architecture)
    throw new ApiError(422, "invalid_server_type", `server type ${type.name} has another architecture`);
  if (type.disk < server.primary_disk_size)
    throw new ApiError(
      422,
      "invalid_server_type",
      `server type ${type.name} has a smaller disk than the server`,
    );
  // The API starts the server again, and providers rely on it.
  return power(server, "migrating", "running", async () => {
    server.server_type = type.name;
    if (input.upgrade_disk) server.primary_disk_size = type.disk;
    await parts.hypervisor.resize(server.id, type.memory);
    await parts.hypervisor.powerOn(server.id);
  });
}

function changeProtection(
  _parts: Parts,
  server: ServerRecord,
  input: z.output<typeof schemas.protectServer>,
): Effect {
  const { delete: deletion = server.protection.delete, rebuild: rebuilding = server.protection.rebuild } =
    input;
  if (deletion !== rebuilding)
    throw invalidField("rebuild", "delete and rebuild protection must have the same value");
  server.protection = { delete: deletion, rebuild: rebuilding };
  return {};
}

function attach({ store, hypervisor }: Parts, server: ServerRecord, input: schemas.AttachInput): Effect {
  const card = addCard(store, server, input);
  return {
    also: resource("network", card.network),
    work: () => hypervisor.attachNic(server.id, nicOf(store, card)),
    undo: () => {
      server.private_net = server.private_net.filter((other) => other !== card);
    },
  };
}

function detach(
  parts: Parts,
  server: ServerRecord,
  { network }: z.output<typeof schemas.detachNetwork>,
): Effect {
  if (!server.private_net.some((card) => card.network === network))
    throw notFound("network attachment", network);
  return {
    also: resource("network", network),
    work: async () => {
      await parts.hypervisor.detachNic(server.id, network);
      server.private_net = server.private_net.filter((card) => card.network !== network);
      for (const balancer of parts.store.records.load_balancers.filter(isIn(network)))
        balancer.targets = balancer.targets.filter(
          (target) => target.server !== server.id || !target.use_private_ip,
        );
      await syncBalancers(parts);
    },
  };
}

const isIn =
  (network: number) =>
  ({ private_net }: LoadBalancerRecord): boolean =>
    private_net.some((place) => place.network === network);

function joinGroup(
  parts: Parts,
  server: ServerRecord,
  { placement_group }: z.output<typeof schemas.joinPlacementGroup>,
): Effect {
  refuseFullGroup(parts.store, placement_group);
  refuseIfRunning(parts, server);
  server.placement_group = placement_group;
  return { also: resource("placement_group", placement_group) };
}

function refuseIfRunning({ hypervisor }: Parts, server: ServerRecord): void {
  if (stateOf(hypervisor, server.id) !== "running") return;
  throw new ApiError(422, "server_not_stopped", "server must be stopped for this operation");
}
