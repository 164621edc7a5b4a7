/** What the platform's own pods may do, beside what every namespace allows: components/kubernetes/policies.ts. */
import { NAMESPACES } from "../../plan/namespaces.ts";
import { INGRESS_HOST_PORTS, PORTS } from "../../plan/ports.ts";
import { INGRESS_LABEL } from "../kubernetes/namespaces.ts";
import type { KubeObject } from "../kubernetes/objects.ts";
import { selector } from "../kubernetes/pods.ts";
import {
  addresses,
  apiServers,
  type PolicyAddresses,
  policy,
  tcp,
  toApiServer,
} from "../kubernetes/policies.ts";

/** From HAProxy of every node, which connects with its node's address; to pods that want to be reached. */
export function traefikPolicy(network: PolicyAddresses): KubeObject {
  return policy(NAMESPACES.ingress.name, "traefik", {
    podSelector: { matchLabels: selector("traefik") },
    policyTypes: ["Ingress", "Egress"],
    ingress: [{ from: addresses(network.nodeIps), ports: tcp(...Object.values(INGRESS_HOST_PORTS)) }],
    egress: [
      toApiServer(network),
      {
        to: [
          { namespaceSelector: { matchLabels: INGRESS_LABEL }, podSelector: { matchLabels: INGRESS_LABEL } },
        ],
      },
    ],
  });
}

/** From the API servers to it, and from it to all kubelets. */
export function metricsServerPolicy(network: PolicyAddresses, port: number): KubeObject {
  return policy(NAMESPACES.system.name, "metrics-server", {
    podSelector: { matchLabels: selector("metrics-server") },
    policyTypes: ["Ingress", "Egress"],
    ingress: [{ from: apiServers(network), ports: tcp(port) }],
    egress: [toApiServer(network), { to: addresses(network.nodeIps), ports: tcp(PORTS.kubelet.port) }],
  });
}

/** The provisioner only talks to the API; its helper pods to nobody. */
export function storagePolicy(network: PolicyAddresses): KubeObject {
  return policy(NAMESPACES.storage.name, "local-path-provisioner", {
    podSelector: { matchLabels: selector("local-path-provisioner") },
    policyTypes: ["Egress"],
    egress: [toApiServer(network)],
  });
}
