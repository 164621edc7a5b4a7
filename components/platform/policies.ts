/**
 * Who may talk to whom. Everything is denied both ways in every namespace of the program, then allowed by name. Why,
 * and what no policy can do: docs/adr/0010-network-policies.md.
 */
import type { NamespacePlan } from "../../plan/namespaces.ts";
import { NAMESPACES } from "../../plan/namespaces.ts";
import { INGRESS_HOST_PORTS, PORTS } from "../../plan/ports.ts";
import { INGRESS_LABEL } from "./namespaces.ts";
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

const policy = (namespace: string, name: string, spec: NetworkPolicySpec): KubeObject => ({
  apiVersion: "networking.k8s.io/v1",
  kind: "NetworkPolicy",
  metadata: { name, namespace, labels: { "app.kubernetes.io/part-of": "gardenos" } },
  spec,
});

const tcp = (...ports: readonly number[]) => ports.map((port) => ({ protocol: "TCP", port }));
const addresses = (ips: readonly string[]) => ips.map((ip) => ({ ipBlock: { cidr: `${ip}/32` } }));
const namespaceNamed = (name: string) => ({ matchLabels: { "kubernetes.io/metadata.name": name } });

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

/** The Service `kubernetes` is translated to these addresses before a policy sees the packet. */
const toApiServer = ({ apiServerIps }: PolicyAddresses) => ({
  to: addresses(apiServerIps),
  ports: tcp(PORTS.k3s.port),
});

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

/**
 * From the API servers. On another node they have the address of that node's overlay interface, which lies in the pod
 * range and is not known beforehand. Pods of that range are stopped at their own egress, or by the certificate.
 */
export function metricsServerPolicy(network: PolicyAddresses, port: number): KubeObject {
  return policy(NAMESPACES.system.name, "metrics-server", {
    podSelector: { matchLabels: selector("metrics-server") },
    policyTypes: ["Ingress", "Egress"],
    ingress: [
      { from: [...addresses(network.nodeIps), { ipBlock: { cidr: network.podCidr } }], ports: tcp(port) },
    ],
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
