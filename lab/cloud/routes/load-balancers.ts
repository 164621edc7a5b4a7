import type { z } from "zod";
import { body, type Parts, param, type Routes, resource, syncBalancers } from "../api.ts";
import * as schemas from "../balancer-schemas.ts";
import { refuseIfProtected } from "../errors.ts";
import { answerList } from "../listing.ts";
import * as change from "../load-balancers.ts";
import type { LoadBalancerRecord } from "../records.ts";
import { nothing, rename } from "../schemas.ts";
import { viewLoadBalancer } from "../views.ts";

export const loadBalancers: Routes = (app, parts) => {
  const { store, actions, balancers } = parts;
  const show = async (balancer: LoadBalancerRecord) =>
    viewLoadBalancer(balancer, await balancers.health(balancer.id));

  app.get("/load_balancers", async (c) => {
    const all = store.records.load_balancers;
    const views = new Map(await Promise.all(all.map(async (one) => [one.id, await show(one)] as const)));
    return answerList(c, "load_balancers", all, ({ id }) => views.get(id) ?? {});
  });

  app.get("/load_balancers/:id", async (c) =>
    c.json({ load_balancer: await show(store.get("load_balancers", param(c, "id"))) }),
  );

  app.put("/load_balancers/:id", async (c) => {
    const balancer = store.get("load_balancers", param(c, "id"));
    store.rename("load_balancers", balancer.id, await body(c, rename));
    return c.json({ load_balancer: await show(balancer) });
  });

  app.post("/load_balancers", async (c) => {
    const input = await body(c, schemas.createBalancer);
    const balancer = change.orderBalancer(store, input);
    if (input.network !== undefined) change.attachToNetwork(store, balancer, { network: input.network });
    for (const service of input.services) change.addService(balancer, service);
    for (const target of input.targets) change.addTarget(store, balancer, target);
    store.records.load_balancers.push(balancer);
    const action = actions.start({
      command: "create_load_balancer",
      resources: [resource("load_balancer", balancer.id)],
      work: () => syncBalancers(parts),
      undo: () => store.remove("load_balancers", balancer.id),
    });
    return c.json({ load_balancer: await show(balancer), action }, 201);
  });

  app.delete("/load_balancers/:id", async (c) => {
    const balancer = store.get("load_balancers", param(c, "id"));
    refuseIfProtected(balancer.protection.delete, "load balancer");
    store.remove("load_balancers", balancer.id);
    actions.enqueue(0, () => syncBalancers(parts));
    return c.body(null, 204);
  });
};

export const loadBalancerActions: Routes = (app, parts) => {
  const { store } = parts;
  /** The record is changed at once, or the request refused; the action waits until connections follow. */
  const on = <T extends z.ZodType>(
    command: string,
    schema: T,
    apply: (balancer: LoadBalancerRecord, input: z.output<T>) => void,
  ): void => {
    app.post(`/load_balancers/:id/actions/${command}`, async (c) => {
      const input = await body(c, schema);
      const balancer = store.get("load_balancers", param(c, "id"));
      const before = structuredClone(balancer);
      apply(balancer, input);
      return c.json({ action: startAction(parts, command, balancer, before) }, 201);
    });
  };

  on("add_service", schemas.addService, change.addService);
  on("update_service", schemas.updateService, change.updateService);
  on("delete_service", schemas.deleteService, (balancer, { listen_port }) =>
    change.deleteService(balancer, listen_port),
  );
  on("add_target", schemas.addTarget, (balancer, input) => change.addTarget(store, balancer, input));
  on("remove_target", schemas.removeTarget, (balancer, { server }) =>
    change.removeTarget(balancer, server.id),
  );
  on("attach_to_network", schemas.attachBalancer, (balancer, input) =>
    change.attachToNetwork(store, balancer, input),
  );
  on("detach_from_network", schemas.detachBalancer, (balancer, { network }) =>
    change.detachFromNetwork(balancer, network),
  );
  on("change_algorithm", schemas.changeAlgorithm, (balancer, algorithm) => {
    balancer.algorithm = algorithm;
  });
  on("change_type", schemas.changeBalancerType, (balancer, input) =>
    change.changeType(balancer, input.load_balancer_type),
  );
  on("change_protection", schemas.protectBalancer, (balancer, protection) => {
    balancer.protection = { delete: protection.delete ?? balancer.protection.delete };
  });
  on("enable_public_interface", nothing, (balancer) => {
    balancer.public_interface = true;
  });
  on("disable_public_interface", nothing, change.disablePublicInterface);
};

function startAction(
  parts: Parts,
  command: string,
  balancer: LoadBalancerRecord,
  before: LoadBalancerRecord,
) {
  return parts.actions.start({
    command,
    resources: [resource("load_balancer", balancer.id)],
    work: () => syncBalancers(parts),
    undo: () => Object.assign(balancer, before),
  });
}
