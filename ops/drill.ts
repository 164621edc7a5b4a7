/**
 * `drill failover`: takes every server of the API out of service and back, one after the other, as maintenance would,
 * and measures what clients see of it. Planned and safe: it stops at the first thing that is not well.
 */
import { apiCredentials, hasLoadBalancer, nodeOf, type OpsAccess } from "./access.ts";
import type { Measurement } from "./gaps.ts";
import { drain, ready } from "./lb.ts";
import { ApiProbe } from "./measure.ts";
import { isHealthy, readStatus, renderStatus } from "./status/index.ts";
import { renderTable, seconds } from "./table.ts";
import { waitFor } from "./wait.ts";

const K3S = "/usr/local/lib/gardenos/k3s-node";
/** What clients may see of planned work. */
const LIMIT_MS = 3000;
const HEALTHY_SECONDS = 180;
/** Whole cluster: backends come back a moment after the node. */
const SETTLE_SECONDS = 60;

type StepName = "lb drain" | "restart k3s" | "lb ready" | "switchover";

interface DrillStep extends Measurement {
  readonly node: string;
  readonly step: StepName;
  readonly seconds: number;
}

/** The machine-readable form; keys are only ever added. */
export interface DrillResult {
  /** Where the client called the API, or Postgres. */
  readonly addresses: readonly string[];
  readonly limitMs: number;
  readonly steps: readonly DrillStep[];
  /** Why it ended early, and what is left to do. */
  readonly failure?: string;
  readonly passed: boolean;
}

export interface DrillOptions {
  /** @default all nodes that serve the API, in order */
  readonly node?: string;
  /** One line of progress. */
  say(line: string): void;
}

/**
 * Ends early when a step fails.
 * @throws Error before anything is touched when the cluster is not well
 */
export async function drillFailover(access: OpsAccess, { node, say }: DrillOptions): Promise<DrillResult> {
  const { exports } = access;
  const credentials = apiCredentials(exports);
  if (node !== undefined) nodeOf(exports.nodes, node);
  const addresses = exports.entry?.addresses ?? [];
  await requireHealthy(access);
  const nodes = node === undefined ? await serversOf(access) : [node];
  const probe = await ApiProbe.start({ credentials, addresses, port: Number(credentials.endpoint.port) });
  const steps: DrillStep[] = [];
  let failure: string | undefined;
  try {
    for (const each of nodes) await drillNode(access, { probe, node: each, say, steps });
  } catch (error) {
    failure = error instanceof Error ? error.message : String(error);
  } finally {
    await probe.stop();
  }
  const passed = failure === undefined && steps.every((step) => isWithin(step, LIMIT_MS));
  return { addresses, limitMs: LIMIT_MS, steps, passed, ...(failure !== undefined && { failure }) };
}

const isWithin = ({ longestGapMs, calls }: Measurement, limitMs: number): boolean =>
  calls > 0 && longestGapMs <= limitMs;

async function requireHealthy(access: OpsAccess): Promise<void> {
  const found = await readStatus(access);
  const drained = (found.haproxy ?? []).filter((each) => each.drained).map((each) => each.node);
  if (drained.length > 0) {
    const undo = drained.map((each) => `${access.self} lb ready ${each}`).join("; ");
    throw new Error(`no drill: ${drained.join(", ")} drained already. Nothing was touched. First: ${undo}`);
  }
  if (isHealthy(found)) return;
  throw new Error(
    `no drill: the cluster is not well. Nothing was touched; make it healthy first.\n${renderStatus(found)}`,
  );
}

/** Nodes that run an API server: an agent has none. */
async function serversOf(access: OpsAccess): Promise<readonly string[]> {
  const { etcd } = await readStatus(access);
  return Object.keys(access.exports.nodes).filter((key) => etcd.members.some(({ name }) => name === key));
}

interface NodeDrill {
  readonly probe: ApiProbe;
  readonly node: string;
  say(line: string): void;
  /** Grows with every step that is done. */
  readonly steps: DrillStep[];
}

async function drillNode(access: OpsAccess, { probe, node, say, steps }: NodeDrill): Promise<void> {
  const balanced = hasLoadBalancer(access.exports);
  const step = async (name: StepName, body: () => Promise<unknown>) => {
    say(`${node}: ${name}`);
    const began = performance.now();
    await body();
    steps.push({ node, step: name, seconds: (performance.now() - began) / 1000, ...probe.lap() });
  };
  probe.lap();
  if (balanced) await step("lb drain", () => drain(access, node));
  try {
    await step("restart k3s", () => restart(access, node));
  } catch (error) {
    const left = balanced ? ` It is still drained; when it is well: ${access.self} lb ready ${node}` : "";
    throw new Error(`${error instanceof Error ? error.message : String(error)}${left}`, { cause: error });
  }
  if (balanced) await step("lb ready", () => ready(access, node));
  const settled = await waitFor(async () => isHealthy(await readStatus(access)), { seconds: SETTLE_SECONDS });
  if (!settled) throw new Error(`${node} is back, but the cluster is not well after ${SETTLE_SECONDS} s`);
}

async function restart(access: OpsAccess, node: string): Promise<void> {
  await access.run(node, `${K3S} can-restart`);
  // What fails to start is started again by systemd: that takes longer, and counts.
  await access.run(node, "systemctl restart k3s").catch(() => undefined);
  const well = await waitFor(async () => (await access.run(node, `${K3S} healthy`)) !== undefined, {
    seconds: HEALTHY_SECONDS,
    everyMs: 1000,
  });
  if (!well) {
    throw new Error(
      `K3s on ${node} is not healthy ${HEALTHY_SECONDS} s after its restart; see \`journalctl -u k3s\` there.`,
    );
  }
}

/** The screen: one row a step, then the verdict. */
export function renderDrill({ addresses, steps, limitMs, passed, failure }: DrillResult): string {
  const rows = steps.map((each) => [
    each.node,
    each.step,
    each.seconds.toFixed(1),
    String(each.calls),
    String(each.errors),
    each.medianMs.toFixed(1),
    seconds(each.longestGapMs),
    isWithin(each, limitMs) ? "" : "OVER",
  ]);
  const head = ["node", "step", "took s", "calls", "errors", "median ms", "worst gap s", ""];
  const limit = `no gap over ${(limitMs / 1000).toFixed(0)} s at ${addresses.join(", ")}`;
  const verdict = passed ? `Passed: ${limit}.` : `MISSED: wanted ${limit}.`;
  return [renderTable(head, rows), failure === undefined ? verdict : `Ended early: ${failure}`].join("\n");
}
