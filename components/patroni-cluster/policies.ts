/** Who may talk to the members, and to whom they talk. The way in for applications is the in-cluster HAProxy. */
import { PORTS } from "../../plan/ports.ts";
import { POSTGRES } from "../../plan/postgres.ts";
import type { KubeObject } from "../kubernetes/objects.ts";
import { selector } from "../kubernetes/pods.ts";
import { addresses, type PolicyAddresses, policy, tcp } from "../kubernetes/policies.ts";

const podsOf = (name: string) => ({ podSelector: { matchLabels: selector(name) } });

/**
 * In: each other, the in-cluster HAProxy, and HAProxy of the nodes by their addresses. Pods of other nodes would come with such an
 * address, too; they are stopped where they are, by the host firewall.
 * Out: each other, and etcd.
 */
export function membersPolicy({ nodeIps, apiServerIps }: PolicyAddresses): KubeObject {
  const ports = tcp(POSTGRES.ports.postgres, POSTGRES.ports.rest);
  return policy(POSTGRES.namespace, POSTGRES.name, {
    podSelector: { matchLabels: selector(POSTGRES.name) },
    policyTypes: ["Ingress", "Egress"],
    ingress: [{ from: [podsOf(POSTGRES.name), podsOf(POSTGRES.balancer), ...addresses(nodeIps)], ports }],
    egress: [
      { to: [podsOf(POSTGRES.name)], ports },
      { to: addresses(apiServerIps), ports: tcp(PORTS.etcdClient.port) },
    ],
  });
}
