import { CustomResource } from "@pulumi/kubernetes/apiextensions/customResource.js";
import { Chart } from "@pulumi/kubernetes/helm/v4/chart.js";
import * as pulumi from "@pulumi/pulumi";
import { ACME_SECRET, CERT_MANAGER } from "../../plan/certificates.ts";
import { createObjects } from "../kubernetes/create.ts";
import type { PolicyAddresses } from "../kubernetes/policies.ts";
import { certManagerPolicies } from "./policies.ts";
import { type CertManagerImages, chartValues, type IssuerInput, issuer } from "./values.ts";

export interface CertManagerArgs extends IssuerInput {
  readonly images: CertManagerImages;
  /** Host names that the ingress serves, by the namespace of their Ingresses. */
  readonly hosts: Readonly<Record<string, readonly string[]>>;
  readonly network: PolicyAddresses;
  readonly privateCidrs: readonly string[];
  readonly after: readonly pulumi.Resource[];
}

/**
 * Certificates of all hosts, one a namespace, by a public authority (`tls.mode: acme`), which cert-manager asks and renews. Expects
 * the Kubernetes provider in `opts.providers`.
 *
 * A certificate is not waited for: the authority signs once the hosts' names lead to the stack, and only then. Until then the
 * ingress shows a certificate of its own.
 */
export class CertManager extends pulumi.ComponentResource {
  readonly secretName = ACME_SECRET;
  readonly ready: readonly pulumi.Resource[];

  constructor(name: string, args: CertManagerArgs, opts: pulumi.ComponentResourceOptions) {
    super("gardenos:infra:CertManager", name, {}, opts);
    const { namespace, chart, version } = CERT_MANAGER;
    const policies = createObjects(certManagerPolicies(args.network, args.privateCidrs), {
      ...{ parent: this, dependsOn: args.after },
    });
    const release = new Chart(
      name,
      { chart, version, namespace, name: "cert-manager", values: chartValues(args.images) },
      { parent: this, dependsOn: policies },
    );
    const authority = new CustomResource(`${name}-issuer`, issuer(args), {
      ...{ parent: this, dependsOn: [release] },
    });
    this.ready = Object.entries(args.hosts).map(([space, dnsNames]) => {
      const certificate = {
        apiVersion: "cert-manager.io/v1",
        kind: "Certificate",
        metadata: {
          ...{ name: ACME_SECRET, namespace: space },
          // A name that does not lead here yet must not stop `up`.
          annotations: { "pulumi.com/skipAwait": "true" },
        },
        spec: {
          secretName: ACME_SECRET,
          dnsNames: [...dnsNames],
          issuerRef: { kind: "ClusterIssuer", name: args.issuer },
        },
      };
      return new CustomResource(`${space}/${ACME_SECRET}`, certificate, {
        parent: this,
        dependsOn: [authority],
      });
    });
    this.registerOutputs({});
  }
}
