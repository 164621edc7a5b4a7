/** Values of cert-manager's chart (deploy/charts/cert-manager/values.yaml), and the issuer of Ingresses' certificates. Pure. */
import type { Images } from "../../plan/artifacts.ts";
import { CERT_MANAGER } from "../../plan/certificates.ts";
import { INGRESS_LABEL } from "../kubernetes/namespaces.ts";
import { apart, resources, SOON_ELSEWHERE } from "../kubernetes/pods.ts";
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

/** @param name that the chart's label `app.kubernetes.io/name` has: pods of one part are kept on nodes of their own by it */
const part = (name: "cert-manager" | "webhook" | "cainjector", reference: string): object => ({
  image: image(reference),
  replicaCount: CERT_MANAGER.replicas,
  podDisruptionBudget: { enabled: true, maxUnavailable: 1 },
  resources: resources("10m", CERT_MANAGER.memory),
  topologySpreadConstraints: apart(name),
  tolerations: SOON_ELSEWHERE,
});

/**
 * The provider waits for it. Pods are ready before cainjector has written it (templates/webhook-validating-webhook.yaml), and until
 * then the API trusts no answer of the webhook and refuses the issuer: `x509: certificate signed by unknown authority`.
 */
const TRUSTED = { "pulumi.com/waitFor": "jsonpath={.webhooks[0].clientConfig.caBundle}" };

export const chartValues = (images: CertManagerImages): object => ({
  global: {
    priorityClassName: PLATFORM,
    // Its own: the right to write in kube-system is more than a lease needs.
    leaderElection: { namespace: CERT_MANAGER.namespace },
  },
  // Everybody's certificates live in them, not only the program's, so they stay when the chart goes.
  crds: { enabled: true, keep: true },
  ...part("cert-manager", images.certManagerController),
  webhook: {
    ...part("webhook", images.certManagerWebhook),
    mutatingWebhookConfigurationAnnotations: TRUSTED,
    validatingWebhookConfigurationAnnotations: TRUSTED,
  },
  cainjector: part("cainjector", images.certManagerCainjector),
  acmesolver: { image: image(images.certManagerAcmesolver) },
  // A hook of Helm's, which the provider leaves out of a chart; what it would try is waited for above.
  startupapicheck: { enabled: false },
});

export interface IssuerInput {
  readonly email: string;
  /** Directory of the authority (RFC 8555). */
  readonly server: string;
  /** ClusterIssuer. */
  readonly issuer: string;
  readonly ingressClass: string;
}

/** By HTTP-01: the authority asks each host, through the same way in that its users take. */
export const issuer = ({ email, server, issuer: name, ingressClass }: IssuerInput) => ({
  apiVersion: "cert-manager.io/v1",
  kind: "ClusterIssuer",
  metadata: { name },
  spec: {
    acme: {
      // A Secret of the chart's namespace: an account is one directory's.
      ...{ email, server, privateKeySecretRef: { name: `${name}-account` } },
      solvers: [
        {
          http01: {
            ingress: {
              ingressClassName: ingressClass,
              // Without it a port on every node (pkg/issuer/acme/http/service.go).
              serviceType: "ClusterIP",
              // Namespaces are closed: the controller reaches what has the label. The pods are `restricted` as they are
              // (pkg/issuer/acme/http/pod.go), and a securityContext here would take the place of theirs.
              podTemplate: { metadata: { labels: INGRESS_LABEL } },
            },
          },
        },
      ],
    },
  },
});
