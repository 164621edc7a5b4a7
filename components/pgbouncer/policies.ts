/** Who may reach the pooler, and what it may reach. */
import { NAMESPACES } from "../../plan/namespaces.ts";
import { POOLER } from "../../plan/pooler.ts";
import { DATABASE_LABEL } from "../kubernetes/namespaces.ts";
import type { KubeObject } from "../kubernetes/objects.ts";
import { selector } from "../kubernetes/pods.ts";
import { DATABASE_CLIENTS, namespaceNamed, policy, tcp } from "../kubernetes/policies.ts";

/** Labelled pods of the program's namespaces come in; the way out leads to the cluster's HAProxy and nowhere else. */
export function pgbouncerPolicy(): KubeObject {
  const { namespace, name, port, balancer } = POOLER;
  return policy(namespace, name, {
    podSelector: { matchLabels: selector(name) },
    policyTypes: ["Ingress", "Egress"],
    ingress: [
      {
        from: [DATABASE_CLIENTS],
        ports: tcp(port),
      },
    ],
    egress: [
      { to: [{ podSelector: { matchLabels: selector(balancer.name) } }], ports: tcp(...balancer.ports) },
    ],
  });
}

/** The other half: labelled applications may leave their namespace for the pooler, and for Postgres itself. */
export function toDatabasePolicy(): KubeObject {
  const podsNamed = (name: string) => ({
    namespaceSelector: namespaceNamed(POOLER.namespace),
    podSelector: { matchLabels: selector(name) },
  });
  return policy(NAMESPACES.apps.name, "to-database", {
    podSelector: { matchLabels: DATABASE_LABEL },
    policyTypes: ["Egress"],
    egress: [
      { to: [podsNamed(POOLER.name)], ports: tcp(POOLER.port) },
      { to: [podsNamed(POOLER.balancer.name)], ports: tcp(...POOLER.balancer.ports) },
    ],
  });
}
