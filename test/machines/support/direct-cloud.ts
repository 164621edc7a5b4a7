/** Stands in for the Hetzner Cloud emulator: passes the hypervisor's own calls through, one JSON body per call. */
import { once } from "node:events";
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { createServer } from "node:http";
import { json } from "node:stream/consumers";
import type { Balancers } from "../../../lab/cloud/balancers.ts";
import type { Hypervisor } from "../../../lab/cloud/hypervisor.ts";

/** What can be called. */
export type Target = Hypervisor & Balancers;

/** One call of a method of the hypervisor or the load balancers. */
export interface Call {
  readonly method: keyof Target;
  readonly args: readonly unknown[];
}

interface Options {
  readonly host: string;
  readonly port: number;
  readonly stateFile: string;
  readonly hypervisor: Hypervisor;
  readonly balancers: Balancers;
}

export async function startCloud({ host, port, stateFile, hypervisor, balancers }: Options) {
  const ids = new Set<number>(existsSync(stateFile) ? JSON.parse(readFileSync(stateFile, "utf8")) : []);
  const perform = async ({ method, args }: Call): Promise<unknown> => {
    const target = method in hypervisor ? hypervisor : balancers;
    const call = Reflect.get(target, method) as (...args: readonly unknown[]) => unknown;
    // JSON has no `undefined`.
    const given = args.map((arg) => arg ?? undefined);
    const result = await call.apply(target, given);
    if (method === "create") ids.add((args[0] as { id: number }).id);
    if (method === "delete") ids.delete(args[0] as number);
    writeFileSync(stateFile, JSON.stringify([...ids]));
    return result;
  };
  const server = createServer(async (request, response) => {
    try {
      response.end(JSON.stringify({ result: await perform((await json(request)) as Call) }));
    } catch (error) {
      response.end(JSON.stringify({ error: (error as Error).message }));
    }
  });
  server.listen(port, host);
  await once(server, "listening");
  return {
    resume: async () => {
      await Promise.all([...ids].map((id) => hypervisor.powerOn(id)));
    },
    close: async () => {
      server.closeAllConnections();
      server.close();
    },
  };
}
