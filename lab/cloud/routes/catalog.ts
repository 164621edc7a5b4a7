import type { Context, Hono } from "hono";
import { param, type Routes } from "../api.ts";
import { images, loadBalancerTypes, locations, serverTypes } from "../catalog.ts";
import { notFound, removedEndpoint } from "../errors.ts";
import { answerList } from "../listing.ts";

interface Item {
  readonly id: number;
  readonly name: string;
}

export const catalog: Routes = (app) => {
  readOnly(app, { key: "locations", wrapper: "location", items: locations });
  readOnly(app, { key: "server_types", wrapper: "server_type", items: serverTypes });
  readOnly(app, { key: "load_balancer_types", wrapper: "load_balancer_type", items: loadBalancerTypes });
  readOnly(app, { key: "images", wrapper: "image", items: images, filter: imageFilter });
  app.all("/datacenters/:id?", () => {
    throw removedEndpoint("datacenters were removed: use locations", "2025-12-16-phasing-out-datacenters");
  });
};

interface ReadOnly<T extends Item> {
  readonly key: string;
  readonly wrapper: string;
  readonly items: readonly T[];
  readonly filter?: (c: Context) => (item: T) => boolean;
}

function readOnly<T extends Item>(app: Hono, { key, wrapper, items, filter }: ReadOnly<T>): void {
  app.get(`/${key}`, (c) => answerList(c, key, filter ? items.filter(filter(c)) : items));
  app.get(`/${key}/:id`, (c) => {
    const id = param(c, "id");
    const found = items.find((item) => item.id === Number(id));
    if (found === undefined) throw notFound(wrapper, id);
    return c.json({ [wrapper]: found });
  });
}

function imageFilter(c: Context): (image: (typeof images)[number]) => boolean {
  const allows = (parameter: string, value: string): boolean => {
    const wanted = c.req.queries(parameter) ?? [];
    return wanted.length === 0 || wanted.includes(value);
  };
  return (image) =>
    allows("architecture", image.architecture) &&
    allows("type", image.type) &&
    allows("status", image.status);
}
