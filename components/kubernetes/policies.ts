/**
 * Who may talk to whom: the ground of every namespace, and the words that policies are made of. Everything is denied
 * both ways, then allowed by name. Why, and what no policy can do: docs/adr/0010-network-policies.md.
 */
import type { NamespacePlan } from "../../plan/namespaces.ts";
import { NAMESPACES } from "../../plan/namespaces.ts";
import { PORTS } from "../../plan/ports.ts";
import { DATABASE_LABEL, INGRESS_LABEL } from "./namespaces.ts";
import type { KubeObject, NetworkPolicySpec } from "./objects.ts";
import { selector } from "./pods.ts";

/** Addresses that policies name. */
export interface PolicyAddresses {
  /** Private addresses of all nodes. */
  readonly nodeIps: readonly string[];
  /** Private addresses of the nodes with an API server. */
  readonly apiServerIps: readonly string[];
  readonly podCidr: string;
}

/** One policy of the program. */
export const policy = (namespace: string, name: string, spec: NetworkPolicySpec): KubeObject => ({
  apiVersion: "networking.k8s.io/v1",
  kind: "NetworkPolicy",
  metadata: { name, namespace, labels: { "app.kubernetes.io/part-of": "gardenos" } },
  spec,
});

/** Ports of a rule, all TCP. */
export const tcp = (...ports: readonly number[]) => ports.map((port) => ({ protocol: "TCP", port }));
/** Peers by their addresses. */
export const addresses = (ips: readonly string[]) => ips.map((ip) => ({ ipBlock: { cidr: `${ip}/32` } }));
/** Selects one namespace by its name. */
export const namespaceNamed = (name: string) => ({ matchLabels: { "kubernetes.io/metadata.name": name } });

/** Pods that say they need the database, of any namespace of the program. */
export const DATABASE_CLIENTS = {
  namespaceSelector: { matchLabels: { "app.kubernetes.io/part-of": "gardenos" } },
  podSelector: { matchLabels: DATABASE_LABEL },
};

/** Nothing in, nothing out but questions to the cluster's DNS. */
function closed(namespace: string): KubeObject[] {
  const dns = [
    { protocol: "UDP", port: 53 },
    { protocol: "TCP", port: 53 },
  ];
  const coredns = {
    namespaceSelector: namespaceNamed("kube-system"),
    podSelector: { matchLabels: { "k8s-app": "kube-dns" } },
  };
  return [
    policy(namespace, "default-deny", { podSelector: {}, policyTypes: ["Ingress", "Egress"] }),
    policy(namespace, "dns", {
      podSelector: {},
      policyTypes: ["Egress"],
      egress: [{ to: [coredns], ports: dns }],
    }),
  ];
}

/** Pods with the label are reached by the ingress controller, on any port. */
function reachedByIngress(namespace: string): KubeObject {
  return policy(namespace, "from-ingress", {
    podSelector: { matchLabels: INGRESS_LABEL },
    policyTypes: ["Ingress"],
    ingress: [
      {
        from: [
          {
            namespaceSelector: namespaceNamed(NAMESPACES.ingress.name),
            podSelector: { matchLabels: selector("traefik") },
          },
        ],
      },
    ],
  });
}

/** What every namespace has. */
export function namespacePolicies({ name, ingress }: NamespacePlan): KubeObject[] {
  return [...closed(name), ...(ingress ? [reachedByIngress(name)] : [])];
}

/** Anywhere but in these networks: addresses of the internet change, and policies know no names. */
export const outside = (privateCidrs: readonly string[]) => ({
  ipBlock: { cidr: "0.0.0.0/0", except: [...privateCidrs] },
});

/**
 * The API servers as a pod is called by them. On another node they have the address of that node's overlay interface, which lies in
 * the pod range and is not known beforehand. Pods of that range are stopped at their own egress, or by the certificate.
 */
export const apiServers = ({ nodeIps, podCidr }: PolicyAddresses) => [
  ...addresses(nodeIps),
  { ipBlock: { cidr: podCidr } },
];

/** The Service `kubernetes` is translated to these addresses before a policy sees the packet. */
export const toApiServer = ({ apiServerIps }: PolicyAddresses) => ({
  to: addresses(apiServerIps),
  ports: tcp(PORTS.k3s.port),
});
