/** When a cluster is well: before a fault it must be, afterwards it is waited for. */
import { setTimeout as sleep } from "node:timers/promises";
import { hasLoadBalancer, type OpsAccess } from "../../ops/access.ts";
import { pgStatus } from "../../ops/pg.ts";
import {
  isHealthy,
  postgresTroubles,
  readStatus,
  renderStatus,
  type Status,
} from "../../ops/status/index.ts";
import { waitFor } from "../../ops/wait.ts";

/** A machine boots, its K3s starts, the node is Ready again and every HAProxy believes it. */
export const RECOVERY_SECONDS = 240;
/** Between the two looks that must both find everything well. */
const CONFIRM_MS = 2000;

/** Seconds until the layer was well, seen twice; null when it was not in time. */
export async function untilRecovered(
  access: OpsAccess,
  since: number,
  { layer, seconds: patience }: { readonly layer: "all" | "postgres"; readonly seconds: number },
): Promise<number | null> {
  const look = async () => {
    if (layer === "postgres") return postgresTroubles(await pgStatus(access)).length === 0;
    return isHealthy(await readStatus(access)) && (await balancerIsContent(access));
  };
  const found = await waitFor(
    async () => {
      if (!(await look())) return undefined;
      const seconds = secondsSince(since);
      await sleep(CONFIRM_MS);
      return (await look()) ? seconds : undefined;
    },
    { seconds: patience },
  );
  return found ?? null;
}

async function balancerIsContent(access: OpsAccess): Promise<boolean> {
  if (!hasLoadBalancer(access.exports)) return true;
  return Object.values(await access.targetHealth()).every((health) => health === "healthy");
}

/** @throws Error with the status when something is not well */
export async function requireHealthy(access: OpsAccess): Promise<Status> {
  const found = await readStatus(access);
  if (isHealthy(found) && (await balancerIsContent(access))) return found;
  throw new Error(`no fault was injected: the cluster is not well\n${renderStatus(found)}`);
}

/** The same, with patience. */
export async function untilHealthy(access: OpsAccess, seconds: number): Promise<Status> {
  return (await waitFor(() => requireHealthy(access), { seconds })) ?? requireHealthy(access);
}

/** To a tenth. */
export const secondsSince = (since: number): number => Math.round((performance.now() - since) / 100) / 10;
