/** `lb drain` and `lb ready`: a node leaves the load balancer's service, and comes back. */
import { hasLoadBalancer, nodeOf, type OpsAccess, type TargetHealth } from "./access.ts";
import { readStatus, type Status } from "./status/index.ts";
import { waitFor } from "./wait.ts";

const COMMAND = "/usr/local/lib/gardenos/haproxy-node";
/** The backend that must work on a node that takes over. */
const API = "kubernetes-api";
/** Its checks take up to 8 s, and Hetzner's API shows their result some time later. */
const PATIENCE_SECONDS = 60;

/**
 * Takes a node out of the load balancer: new connections go to the others, open ones stay. Safe to repeat. Resolves
 * when the load balancer sees it, to a sentence for the person.
 * @throws Error when there is no such node or load balancer, no other node is left, or it is not seen within a minute
 */
export async function drain(access: OpsAccess, node: string): Promise<string> {
  check(access, node);
  const takers = refuseLast(await readStatus(access), node, access.self);
  await access.run(node, `${COMMAND} drain`);
  await untilSeen(access, node, "unhealthy");
  return (
    `${node} is drained: the load balancer sends new connections to ${takers.join(", ")}; open ones stay. ` +
    `To end this: ${access.self} lb ready ${node}`
  );
}

/**
 * Puts a node back. Safe to repeat.
 * @throws Error when there is no such node or load balancer, or the load balancer does not find it healthy in a minute
 */
export async function ready(access: OpsAccess, node: string): Promise<string> {
  check(access, node);
  await access.run(node, `${COMMAND} ready`);
  await untilSeen(access, node, "healthy");
  return `${node} is in service: the load balancer finds it healthy.`;
}

function check({ exports }: OpsAccess, node: string): void {
  nodeOf(exports.nodes, node);
  if (hasLoadBalancer(exports)) return;
  const kind = exports.entry?.kind;
  throw new Error(
    kind === undefined
      ? "this stack has no Kubernetes and no load balancer yet; `up` builds them"
      : `this stack has no load balancer (gardenos:entry kind is ${kind}), so nothing would follow a drain`,
  );
}

/** Nodes that serve when this one does not. @throws Error when there are none */
function refuseLast({ nodes, haproxy = [] }: Status, node: string, self: string): readonly string[] {
  const others = nodes
    .filter(({ name }) => name !== node)
    .map(({ name, state }) => {
      const proxy = haproxy.find((each) => each.node === name);
      const api = proxy?.backends.find((each) => each.name === API);
      if (state !== "running") return { name, why: `is ${state}` };
      if (!proxy || proxy.backends.length === 0) return { name, why: "does not answer" };
      if (proxy.drained) return { name, why: `is drained (${self} lb ready ${name})` };
      return api?.up ? { name } : { name, why: "reaches no API server" };
    });
  const takers = others.filter(({ why }) => why === undefined).map(({ name }) => name);
  if (takers.length > 0) return takers;
  const reasons = others.map(({ name, why }) => `${name} ${why}`).join(", ") || "there is no other";
  throw new Error(
    `${node} is the last node that serves the load balancer: ${reasons}. It was left in service.`,
  );
}

async function untilSeen(access: OpsAccess, node: string, wanted: TargetHealth): Promise<void> {
  let last = "nothing";
  const seen = await waitFor(
    async () => {
      last = (await access.targetHealth())[node] ?? "unknown";
      return last === wanted;
    },
    { seconds: PATIENCE_SECONDS },
  );
  if (seen) return;
  const done = wanted === "healthy" ? "in service" : "drained";
  throw new Error(
    `${node} says that it is ${done}, but after ${PATIENCE_SECONDS} s the load balancer finds it ${last}, not ${wanted}; ` +
      `\`${access.self} status\` shows its backends`,
  );
}
