/** Pure text of the nodes' part: what `postgres-node` reads. */
import { renderEnv } from "../../lib/env-file.ts";
import { POSTGRES, type PostgresPlan } from "../../plan/postgres.ts";

/** Folder of the operator's certificate on a node. */
export const NODE_FOLDER = "/etc/gardenos/postgres";

export interface NodeEnv {
  /** Node key. */
  readonly node: string;
  readonly plan: Pick<PostgresPlan, "instances" | "scope">;
}

/** node.env. Ports of instance i are 30540 + i and 30580 + i. */
export function renderNodeEnv({ node, plan }: NodeEnv): string {
  return renderEnv({
    NODE_NAME: node,
    NAMESPACE: POSTGRES.namespace,
    SCOPE: plan.scope,
    INSTANCES: plan.instances.map(({ name, nodeIp }) => `${name}=${nodeIp}`).join(" "),
  });
}
