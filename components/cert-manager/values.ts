/** Values of cert-manager's chart (cert-manager.io, "Helm"), and the issuer that Ingresses' certificates come from. Pure. */
import type { Images } from "../../plan/artifacts.ts";
import { CERT_MANAGER } from "../../plan/certificates.ts";
import { INGRESS_LABEL } from "../kubernetes/namespaces.ts";
import { resources } from "../kubernetes/pods.ts";
import { PLATFORM } from "../kubernetes/priorities.ts";

export type CertManagerImages = Pick<
  Images,
  "certManagerController" | "certManagerWebhook" | "certManagerCainjector" | "certManagerAcmesolver"
>;

/** A reference in the parts that the chart wants. */
function image(reference: string): object {
  const [name = "", digest = ""] = reference.split("@");
  const at = name.lastIndexOf(":");
  return { repository: name.slice(0, at), tag: name.slice(at + 1), digest };
}

const part = (reference: string): object => ({
  image: image(reference),
  replicaCount: CERT_MANAGER.replicas,
  podDisruptionBudget: { enabled: true, maxUnavailable: 1 },
  resources: resources("10m", CERT_MANAGER.memory),
});

export const chartValues = (images: CertManagerImages): object => ({
  global: {
    priorityClassName: PLATFORM,
    // Its own: the right to write in kube-system is more than a lease needs.
    leaderElection: { namespace: CERT_MANAGER.namespace },
  },
  // Certificates live on in them, so they stay when the chart goes.
  crds: { enabled: true, keep: true },
  ...part(images.certManagerController),
  webhook: part(images.certManagerWebhook),
  cainjector: part(images.certManagerCainjector),
  acmesolver: { image: image(images.certManagerAcmesolver) },
  // A Job of Helm's that runs after an installation; here nothing would run it again.
  startupapicheck: { enabled: false },
});

export interface IssuerInput {
  readonly email: string;
  /** Directory of the authority (RFC 8555). */
  readonly server: string;
  readonly ingressClass: string;
}

/** By HTTP-01: the authority asks each host, through the same way in that its users take. */
export const issuer = ({ email, server, ingressClass }: IssuerInput) => ({
  apiVersion: "cert-manager.io/v1",
  kind: "ClusterIssuer",
  metadata: { name: CERT_MANAGER.issuer },
  spec: {
    acme: {
      ...{ email, server, privateKeySecretRef: { name: "acme-account" } },
      solvers: [
        {
          http01: {
            ingress: {
              ingressClassName: ingressClass,
              // Namespaces are closed: the controller reaches what has the label.
              podTemplate: { metadata: { labels: INGRESS_LABEL } },
            },
          },
        },
      ],
    },
  },
});
