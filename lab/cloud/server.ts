/** An emulator of the Hetzner Cloud API. See README.md for what it does and does not do. */
import { once } from "node:events";
import type { AddressInfo } from "node:net";
import { createAdaptorServer } from "@hono/node-server";
import type { Hono } from "hono";
import { Actions } from "./actions.ts";
import type { Parts } from "./api.ts";
import { createApp } from "./app.ts";
import { type Balancers, recordsOnly } from "./balancers.ts";
import { Faults } from "./faults.ts";
import type { Hypervisor } from "./hypervisor.ts";
import { wantedBalancers } from "./load-balancers.ts";
import { resumeMachine, type WantedMachine, wantedMachine } from "./machines.ts";
import { Bucket, HETZNER_RATE_LIMIT, type RateLimit } from "./rate-limit.ts";
import { type RequestCount, RequestLog } from "./request-log.ts";
import { Store } from "./store.ts";

/** What a cloud needs. */
export interface CloudOptions {
  /** 0: any free one. */
  readonly port: number;
  /** @default 127.0.0.1 */
  readonly host?: string;
  /** The project's token: reads and writes. */
  readonly token: string;
  /** A second token that may only read. @default none */
  readonly readOnlyToken?: string;
  /** Where the records are kept. Its folder must exist. */
  readonly stateFile: string;
  readonly hypervisor: Hypervisor;
  /** @default load balancers are records that forward nothing */
  readonly balancers?: Balancers;
  /** Further controls of the lab, below `/_lab`. @default none */
  readonly controls?: Hono;
  /** @default no faults */
  readonly faults?: Faults;
  /** @default Hetzner's: 3600 calls, refilled within an hour */
  readonly rateLimit?: RateLimit;
  /** Gets one line per unexpected error. @default standard error */
  readonly log?: (line: string) => void;
}

/** A running cloud. */
export interface Cloud {
  /** For `hcloud:endpoint` and HCLOUD_ENDPOINT. */
  readonly endpoint: string;
  readonly faults: Faults;
  /** Calls since the start, by method and path. */
  requests(): readonly RequestCount[];
  /** All servers, as their machines should be. */
  servers(): readonly WantedMachine[];
  /**
   * Boots what ran when the lab stopped, finishes what was being made or deleted, and has load balancers forward again. Does nothing to machines that are
   * as they should be.
   * @throws Error that names every server that could not be resumed
   */
  resume(): Promise<void>;
  /** Resolves when all actions are done. */
  settled(): Promise<void>;
  /** Takes no more calls, and lets the running actions end. Machines keep running. */
  close(): Promise<void>;
}

/**
 * Starts to answer calls. Machines are left alone until {@link Cloud.resume}.
 * @throws Error when the port is taken or the state file is no state file
 */
export async function startCloud(options: CloudOptions): Promise<Cloud> {
  const { hypervisor, balancers = recordsOnly, host = "127.0.0.1", log = console.error } = options;
  const store = new Store(options.stateFile);
  const actions = new Actions(store, log);
  const faults = options.faults ?? new Faults();
  const requests = new RequestLog();
  const app = createApp({
    parts: { store, actions, hypervisor, balancers },
    token: options.token,
    readOnlyToken: options.readOnlyToken,
    bucket: new Bucket(options.rateLimit ?? HETZNER_RATE_LIMIT),
    faults,
    requests,
    controls: options.controls,
    log,
  });
  const server = createAdaptorServer({ fetch: app.fetch });
  server.listen(options.port, host);
  await once(server, "listening");
  const { port } = server.address() as AddressInfo;
  return {
    endpoint: `http://${host}:${port}/v1`,
    faults,
    requests: () => requests.all,
    servers: () => store.records.servers.map((one) => wantedMachine(store, one)),
    resume: () => resume({ store, hypervisor, balancers }),
    settled: () => actions.settled(),
    close: async () => {
      const closed = once(server, "close");
      server.close();
      if ("closeAllConnections" in server) server.closeAllConnections();
      await closed;
      await actions.settled();
    },
  };
}

async function resume({ store, hypervisor, balancers }: Omit<Parts, "actions">): Promise<void> {
  const servers = [...store.records.servers];
  const results = await Promise.allSettled(servers.map((one) => resumeMachine(hypervisor, store, one)));
  store.save();
  const problems = results.flatMap((result, index) =>
    result.status === "rejected" ? [`${servers[index]?.name}: ${(result.reason as Error).message}`] : [],
  );
  // After the machines: a target that does not run yet would only be found unhealthy.
  await balancers.set(wantedBalancers(store)).catch((error: Error) => problems.push(error.message));
  if (problems.length > 0) throw new Error(`not all servers could be started again:\n${problems.join("\n")}`);
}
