import * as pulumi from "@pulumi/pulumi";
import { INGRESS_SECRET } from "../../plan/certificates.ts";
import { base64 } from "../kubernetes/base64.ts";
import { createObject, type KubeObject } from "../kubernetes/objects.ts";
import { labels } from "../kubernetes/pods.ts";
import { createLeaf, createRoot, type KeyPair } from "../pki/index.ts";

export interface IngressCertificatesArgs {
  /** Host names that the ingress serves, by the namespace of their Ingresses. */
  readonly hosts: Readonly<Record<string, readonly string[]>>;
  readonly after: readonly pulumi.Resource[];
}

const secretObject = (namespace: string, { cert, key }: KeyPair): KubeObject => ({
  apiVersion: "v1",
  kind: "Secret",
  metadata: { name: INGRESS_SECRET, namespace, labels: labels(INGRESS_SECRET) },
  type: "kubernetes.io/tls",
  data: { "tls.crt": base64(cert), "tls.key": pulumi.secret(base64(key)) },
});

/**
 * Certificates of all hosts, one a namespace, by an authority of the stack's own (`tls.mode: internal-ca`): for networks that no public
 * authority can look into. Clients need its authority, which the stack exports. Any `up` of the certificate's last 60 days renews it.
 */
export class IngressCertificates extends pulumi.ComponentResource {
  /** Authority, PEM. */
  readonly caPem: pulumi.Output<string>;
  readonly secretName = INGRESS_SECRET;
  readonly ready: readonly pulumi.Resource[];

  constructor(name: string, args: IngressCertificatesArgs, opts: pulumi.ComponentResourceOptions) {
    super("gardenos:infra:IngressCertificates", name, {}, opts);
    const authority = createRoot(`${name}-ca`, "GardenOS ingress CA", this);
    this.caPem = authority.cert;
    this.ready = Object.entries(args.hosts).map(([namespace, hosts]) => {
      const uses = ["server_auth"];
      const leaf = createLeaf(`${name}-${namespace}`, authority, { dnsNames: hosts, uses }, this);
      return createObject(secretObject(namespace, leaf), { parent: this, dependsOn: [...args.after] });
    });
    this.registerOutputs({ caPem: this.caPem });
  }
}
