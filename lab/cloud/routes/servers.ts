import {
  body,
  type Parts,
  param,
  type Routes,
  readAndRename,
  refuseIfLocked,
  resource,
  syncBalancers,
} from "../api.ts";
import { refuseIfProtected } from "../errors.ts";
import { answerList } from "../listing.ts";
import { createMachine, stateOf, wantedMachine } from "../machines.ts";
import { orderServer } from "../ordering.ts";
import { addCard } from "../private-networks.ts";
import type { ServerRecord } from "../records.ts";
import * as schemas from "../schemas.ts";
import { type Live, viewServer } from "../views.ts";

export const servers: Routes = (app, parts) => {
  const { store, actions, hypervisor } = parts;
  const show = (server: ServerRecord) => viewServer(store, server, live(parts, server));
  const view = (id: string) => show(store.get("servers", id));
  readAndRename(app, parts, { collection: "servers", schema: schemas.renameServer, view });

  app.get("/servers", (c) => answerList(c, "servers", store.records.servers, show));

  app.post("/servers", async (c) => {
    const input = await body(c, schemas.createServer);
    const server = orderServer(store, input);
    for (const network of input.networks) addCard(store, server, { network });
    store.records.servers.push(server);
    const resources = [resource("server", server.id)];
    const action = actions.start({
      command: "create_server",
      resources,
      work: async () => {
        await createMachine(hypervisor, wantedMachine(store, server));
        server.status = "starting";
      },
      undo: () => store.remove("servers", server.id),
    });
    const start = actions.start({
      command: "start_server",
      resources,
      work: async () => {
        if (!store.records.servers.includes(server)) throw new Error("the server could not be made");
        server.status = "running";
      },
    });
    return c.json({ server: show(server), action, next_actions: [start], root_password: null }, 201);
  });

  app.delete("/servers/:id", (c) => {
    const server = store.get("servers", param(c, "id"));
    refuseIfLocked(parts, server);
    refuseIfProtected(server.protection.delete, "server");
    const before = server.status;
    server.status = "deleting";
    const action = actions.start({
      command: "delete_server",
      resources: [resource("server", server.id)],
      work: async () => {
        await hypervisor.delete(server.id);
        store.remove("servers", server.id);
        for (const balancer of store.records.load_balancers)
          balancer.targets = balancer.targets.filter((target) => target.server !== server.id);
        await syncBalancers(parts);
      },
      undo: () => {
        server.status = before;
      },
    });
    return c.json({ action });
  });
};

/** A machine may have stopped on its own, without an action. */
function live({ actions, hypervisor }: Parts, server: ServerRecord): Live {
  const locked = actions.isLocked(server.id);
  const settled = !locked && (server.status === "running" || server.status === "off");
  return { locked, status: (settled ? stateOf(hypervisor, server.id) : undefined) ?? server.status };
}
