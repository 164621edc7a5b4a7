/** cert-manager talks to the API, to the authority, and to the hosts that it is about to ask for; the API talks to its webhook. */
import { CERT_MANAGER } from "../../plan/certificates.ts";
import type { KubeObject } from "../kubernetes/objects.ts";
import {
  apiServers,
  outside,
  type PolicyAddresses,
  policy,
  tcp,
  toApiServer,
} from "../kubernetes/policies.ts";

/** Of the chart. */
const WEBHOOK_PORT = 10250;

const pods = (component: string) => ({
  podSelector: { matchLabels: { "app.kubernetes.io/component": component } },
});

/** @param privateCidrs networks that the way out does not lead to */
export const certManagerPolicies = (
  network: PolicyAddresses,
  privateCidrs: readonly string[],
): KubeObject[] => [
  policy(CERT_MANAGER.namespace, "to-api", {
    podSelector: {},
    policyTypes: ["Egress"],
    egress: [toApiServer(network)],
  }),
  policy(CERT_MANAGER.namespace, "to-authority", {
    ...pods("controller"),
    policyTypes: ["Egress"],
    egress: [{ to: [outside(privateCidrs)], ports: tcp(80, 443) }],
  }),
  policy(CERT_MANAGER.namespace, "from-api", {
    ...pods("webhook"),
    policyTypes: ["Ingress"],
    ingress: [
      {
        from: apiServers(network),
        ports: tcp(WEBHOOK_PORT),
      },
    ],
  }),
];
