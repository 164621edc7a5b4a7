/** What all routes share. */
import type { Context, Hono } from "hono";
import type { z } from "zod";
import type { Actions, Job } from "./actions.ts";
import type { Balancers } from "./balancers.ts";
import { ApiError, invalidInput } from "./errors.ts";
import type { Hypervisor } from "./hypervisor.ts";
import { wantedBalancers } from "./load-balancers.ts";
import { rulesOf } from "./machines.ts";
import {
  type ActionRecord,
  type Collection,
  type FirewallRecord,
  type ServerRecord,
  SINGULAR,
} from "./records.ts";
import type { Rename, Store } from "./store.ts";

/** The parts of a cloud that routes work with. */
export interface Parts {
  readonly store: Store;
  readonly actions: Actions;
  readonly hypervisor: Hypervisor;
  readonly balancers: Balancers;
}

/** Adds the routes of one resource. */
export type Routes = (app: Hono, parts: Parts) => void;

/** The request's body, checked. @throws ApiError 400 for what is no JSON, 422 for what does not fit */
export async function body<T extends z.ZodType>(c: Context, schema: T): Promise<z.output<T>> {
  const text = await c.req.text();
  const parsed = schema.safeParse(text === "" ? {} : parseJson(text));
  if (parsed.success) return parsed.data;
  const fields = new Map<string, string[]>();
  for (const issue of parsed.error.issues) {
    const name = issue.path.join(".");
    fields.set(name, [...(fields.get(name) ?? []), issue.message]);
  }
  throw invalidInput([...fields].map(([name, messages]) => ({ name, messages })));
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    throw new ApiError(400, "json_error", "the request's body is no valid JSON");
  }
}

/** A path parameter. */
export function param(c: Context, name: string): string {
  return c.req.param(name) ?? "";
}

/** What an action names as its object. */
export function resource(type: string, id: number): ActionRecord["resources"][number] {
  return { id, type };
}

/** @throws ApiError 423 while something else is done to the server */
export function refuseIfLocked({ actions }: Parts, server: ServerRecord): void {
  if (actions.isLocked(server.id) || server.status === "deleting")
    throw new ApiError(423, "locked", "server is locked: another action is running");
}

/** Makes the load balancers forward as the records then say. */
export function syncBalancers({ store, balancers }: Parts): Promise<void> {
  return balancers.set(wantedBalancers(store));
}

/** Gives the server's machine the rules that the records then say it has. */
export function firewallJob(parts: Parts, command: string, pair: FirewallPair, undo?: () => void): Job {
  const { store, hypervisor } = parts;
  const { server, firewall } = pair;
  return {
    command,
    resources: [resource("server", server.id), resource("firewall", firewall.id)],
    work: () => hypervisor.setFirewall(server.id, rulesOf(store, server)),
    ...(undo === undefined ? {} : { undo }),
  };
}

/** A firewall and a server it is applied to, or was. */
export interface FirewallPair {
  readonly server: ServerRecord;
  readonly firewall: FirewallRecord;
}

/** GET one, PUT name and labels, for a resource without anything special. */
export function readAndRename(app: Hono, { store }: Parts, options: ReadAndRename): void {
  const { collection, schema, view } = options;
  const answer = (c: Context) => c.json({ [SINGULAR[collection]]: view(param(c, "id")) });
  const path = `/${collection}/:id`;
  app.get(path, answer);
  app.put(path, async (c) => {
    store.rename(collection, param(c, "id"), await body(c, schema));
    return answer(c);
  });
}

/** What tells one kind of resource from another there. */
export interface ReadAndRename {
  readonly collection: Collection;
  readonly schema: z.ZodType<Rename>;
  /** @throws ApiError 404 */
  view(id: string): object;
}
