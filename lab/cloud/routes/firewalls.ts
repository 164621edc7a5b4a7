import {
  body,
  type FirewallPair,
  firewallJob,
  type Parts,
  param,
  type Routes,
  readAndRename,
  resource,
} from "../api.ts";
import { ApiError } from "../errors.ts";
import { answerList } from "../listing.ts";
import type { ActionRecord, FirewallRecord, ServerRecord } from "../records.ts";
import * as schemas from "../schemas.ts";
import { viewFirewall } from "../views.ts";

type Targets = readonly { readonly server: { readonly id: number } }[];

export const firewalls: Routes = (app, parts) => {
  const { store, actions } = parts;
  const view = (id: string) => viewFirewall(store, store.get("firewalls", id));
  readAndRename(app, parts, { collection: "firewalls", schema: schemas.rename, view });

  app.get("/firewalls", (c) =>
    answerList(c, "firewalls", store.records.firewalls, (firewall) => viewFirewall(store, firewall)),
  );

  app.post("/firewalls", async (c) => {
    const input = await body(c, schemas.createFirewall);
    const servers = targets(parts, input.apply_to);
    const firewall = { ...store.named("firewalls", input), rules: input.rules };
    store.records.firewalls.push(firewall);
    const started = [
      rulesAction(parts, firewall),
      ...servers.map((server) => apply(parts, { server, firewall })),
    ];
    return c.json({ firewall: viewFirewall(store, firewall), actions: started }, 201);
  });

  app.delete("/firewalls/:id", (c) => {
    const { id } = store.get("firewalls", param(c, "id"));
    if (store.records.servers.some((server) => server.firewalls.includes(id)))
      throw new ApiError(409, "resource_in_use", "firewall with applied resources cannot be deleted");
    store.remove("firewalls", id);
    return c.body(null, 204);
  });

  app.post("/firewalls/:id/actions/set_rules", async (c) => {
    const { rules } = await body(c, schemas.setRules);
    const firewall = store.get("firewalls", param(c, "id"));
    firewall.rules = rules;
    const servers = store.records.servers.filter((server) => server.firewalls.includes(firewall.id));
    const applied = servers.map((server) =>
      actions.start(firewallJob(parts, "apply_firewall", { server, firewall })),
    );
    return c.json({ actions: [rulesAction(parts, firewall), ...applied] }, 201);
  });

  app.post("/firewalls/:id/actions/apply_to_resources", async (c) => {
    const { apply_to } = await body(c, schemas.applyTo);
    const firewall = store.get("firewalls", param(c, "id"));
    const servers = targets(parts, apply_to);
    if (servers.some((server) => server.firewalls.includes(firewall.id)))
      throw new ApiError(422, "firewall_already_applied", "firewall is already applied to this server");
    return c.json({ actions: servers.map((server) => apply(parts, { server, firewall })) }, 201);
  });

  app.post("/firewalls/:id/actions/remove_from_resources", async (c) => {
    const { remove_from } = await body(c, schemas.removeFrom);
    const firewall = store.get("firewalls", param(c, "id"));
    const servers = targets(parts, remove_from).filter((server) => server.firewalls.includes(firewall.id));
    return c.json({ actions: servers.map((server) => remove(parts, { server, firewall })) }, 201);
  });
};

function targets({ store }: Parts, wanted: Targets): readonly ServerRecord[] {
  return wanted.map(({ server: { id } }) => {
    const server = store.records.servers.find((one) => one.id === id);
    if (server) return server;
    throw new ApiError(422, "firewall_resource_not_found", `server with ID '${id}' not found`);
  });
}

function rulesAction({ actions }: Parts, { id }: FirewallRecord): ActionRecord {
  return actions.start({ command: "set_firewall_rules", resources: [resource("firewall", id)] });
}

function apply(parts: Parts, pair: FirewallPair): ActionRecord {
  const { server, firewall } = pair;
  server.firewalls = [...server.firewalls, firewall.id];
  const undo = () => {
    server.firewalls = server.firewalls.filter((id) => id !== firewall.id);
  };
  return parts.actions.start(firewallJob(parts, "apply_firewall", pair, undo));
}

function remove(parts: Parts, pair: FirewallPair): ActionRecord {
  const { server, firewall } = pair;
  server.firewalls = server.firewalls.filter((id) => id !== firewall.id);
  const undo = () => {
    server.firewalls = [...server.firewalls, firewall.id];
  };
  return parts.actions.start(firewallJob(parts, "remove_firewall", pair, undo));
}
