/** The lab's daemon. Started by `startDaemon` in a network name space of its own; not meant to be run by hand. */
import { once } from "node:events";
import { renameSync, writeFileSync, writeSync } from "node:fs";
import type { Server } from "node:http";
import { join } from "node:path";
import { text } from "node:stream/consumers";
import { serve } from "@hono/node-server";
import { serveStatic } from "@hono/node-server/serve-static";
import { Hono } from "hono";
import type { z } from "zod";
import { LAB_NET } from "./addresses.ts";
import { HaproxyBalancers } from "./balancers/balancers.ts";
import type { LabContext } from "./context.ts";
import type { DaemonOptions, DaemonRecord, Handshake } from "./daemon.ts";
import { currentCgroups, enterCgroups, makeCgroups } from "./machines/cgroups.ts";
import { NspawnHypervisor } from "./machines/hypervisor.ts";
import { bootId, identify, networkNamespace } from "./machines/processes.ts";
import { serveModel } from "./model.ts";
import { LabNetwork } from "./network/network.ts";
import { storageControls } from "./object-storage/controls.ts";
import { ObjectStorage } from "./object-storage/server.ts";

const HANDSHAKE_FD = 3;
const DEFAULT_CLOUD = join(import.meta.dirname, "cloud", "server.ts");

/** What the starter writes to standard input: a token must not be seen in the process list. */
type DaemonInput = Omit<DaemonOptions, "timeoutMs"> & { readonly ctx: LabContext };

type CloudModule = Pick<typeof import("./cloud/server.ts"), "startCloud">;

await main();

async function main(): Promise<void> {
  const input = JSON.parse(await text(process.stdin)) as DaemonInput;
  // A folder of an overlay's upper layer becomes a folder of the machine, which the caller's umask must not close.
  process.umask(0o022);
  const parents = currentCgroups();
  // The daemon is in the lab's control group, too, so that it is found even without its record.
  enterCgroups(makeCgroups(parents, input.ctx.cgroupName, "daemon"));
  saveRecord(input.ctx, parents);
  try {
    const stop = await start(input, parents);
    process.once("SIGTERM", () => void stop().then(() => process.exit(0)));
    log(`ready, pid ${process.pid}`);
    answer({ ready: true });
  } catch (error) {
    log(`did not start: ${error instanceof Error ? error.stack : String(error)}`);
    answer({ error: error instanceof Error ? error.message : String(error) });
    process.exit(1);
  }
}

/** Resolves to what stops it all again. */
async function start(input: DaemonInput, cgroupParents: readonly string[]): Promise<() => Promise<void>> {
  const { ctx, rootfsDir } = input;
  const network = new LabNetwork();
  await network.start(ctx.cgroupName);
  const hypervisor = await NspawnHypervisor.open({ ctx, network, rootfsDir, cgroupParents, log });
  const balancers = new HaproxyBalancers({ dir: ctx.balancersDir, network, log });
  const artifacts = await serveArtifacts(input.artifactDir);
  const model = await serveModel(input.aiApiKeysFile);
  const address = `${LAB_NET.artifactIp}:${LAB_NET.storagePort}`;
  const storage = new ObjectStorage({ dir: ctx.storageDir, address, log });
  const { startCloud } = (await import(input.cloudModule ?? DEFAULT_CLOUD)) as CloudModule;
  const cloud = await startCloud({
    host: "127.0.0.1",
    port: LAB_NET.apiPort,
    token: input.token,
    stateFile: ctx.cloudStateFile,
    hypervisor,
    balancers,
    controls: storageControls(storage),
  });
  // A machine that does not come back is a machine that is off, as after any power cut: `status` says so.
  await cloud.resume().catch((error: unknown) => log(String(error)));
  return async () => {
    log("stops");
    await cloud.close();
    await balancers.close();
    artifacts.close();
    model.close();
    await storage.close();
    await hypervisor.close();
  };
}

/** The package and artifact server, as a machine sees it on the internet. */
async function serveArtifacts(root: string): Promise<Server> {
  const app = new Hono().use("/*", serveStatic({ root }));
  const server = serve({
    fetch: app.fetch,
    hostname: LAB_NET.artifactIp,
    port: LAB_NET.artifactPort,
  }) as Server;
  await once(server, "listening");
  return server;
}

function saveRecord(ctx: LabContext, cgroupParents: readonly string[]): void {
  const record: DaemonRecord = {
    pid: process.pid,
    startTime: identify(process.pid)?.startTime ?? "",
    bootId: bootId(),
    networkNamespace: networkNamespace("self") ?? "",
    cgroups: cgroupParents.map((parent) => join(parent, ctx.cgroupName)),
  };
  writeFileSync(`${ctx.daemonFile}.new`, JSON.stringify(record, undefined, 2), { mode: 0o600 });
  renameSync(`${ctx.daemonFile}.new`, ctx.daemonFile);
}

/** The starter may have given up and be gone. */
function answer(handshake: z.infer<typeof Handshake>): void {
  try {
    writeSync(HANDSHAKE_FD, `${JSON.stringify(handshake)}\n`);
  } catch (error) {
    log(`nobody waits for the answer: ${(error as Error).message}`);
  }
}

function log(line: string): void {
  process.stdout.write(`${new Date().toISOString()} ${line}\n`);
}
