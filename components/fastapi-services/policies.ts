/** What pods of services may reach beside the database, for which the namespace has a rule of its own. */
import type { KubeObject } from "../kubernetes/objects.ts";
import { outside, policy, tcp } from "../kubernetes/policies.ts";
import type { AiProvider } from "./args.ts";
import { PROVIDER_LABEL } from "./pods.ts";

/** Port of an address, its scheme's own where it names none. */
function portOf(url: string): number {
  const { port, protocol } = new URL(url);
  return port === "" ? (protocol === "https:" ? 443 : 80) : Number(port);
}

/** Labelled pods reach the provider's port anywhere outside. */
export function toProviderPolicy(
  namespace: string,
  { baseUrl }: AiProvider,
  privateCidrs: readonly string[],
): KubeObject {
  return policy(namespace, "to-ai-provider", {
    podSelector: { matchLabels: PROVIDER_LABEL },
    policyTypes: ["Egress"],
    egress: [
      {
        to: [outside(privateCidrs)],
        ports: tcp(portOf(baseUrl)),
      },
    ],
  });
}
