/** Certificates of what the ingress serves: by an authority of the stack's own, or by a public one through cert-manager. */
import type { Settings } from "../config/schema.ts";
import type { Quantity } from "../lib/quantity.ts";
import { NAMESPACES } from "./namespaces.ts";

/** Secret with a certificate, one in each namespace with Ingresses. */
export const INGRESS_SECRET = "ingress-tls";

/** The same by cert-manager. Not that one: a change of `tls.mode` would take away what the other has just made. */
export const ACME_SECRET = "ingress-acme";

/** cert-manager's chart and names, the same in every stack. */
export const CERT_MANAGER = {
  namespace: NAMESPACES.certificates.name,
  chart: "oci://quay.io/jetstack/charts/cert-manager",
  version: "v1.21.2",
  /** Pods of each of its three parts. */
  replicas: 2,
  memory: "128Mi" as Quantity,
} as const;

/** Directories of Let's Encrypt (letsencrypt.org, "ACME protocol endpoints"). Staging's certificates are trusted by nobody. */
const DIRECTORIES = {
  production: "https://acme-v02.api.letsencrypt.org/directory",
  staging: "https://acme-staging-v02.api.letsencrypt.org/directory",
} as const;

export type TlsPlan =
  | { readonly mode: "internal-ca" }
  | {
      readonly mode: "acme";
      readonly email: string;
      /** Directory of the authority. */
      readonly server: string;
      /**
       * ClusterIssuer, one a directory: a certificate is asked for anew when its issuer has another name, not when the issuer has
       * another server (cert-manager: internal/controller/certificates/policies).
       */
      readonly issuer: string;
    };

/** Production asks the real authority, whose limits (fifty certificates a week for a domain) tests would use up. */
export function planTls({ tls, environment }: Pick<Settings, "tls" | "environment">): TlsPlan {
  if (tls.mode === "internal-ca") return { mode: tls.mode };
  const directory = tls.directory ?? (environment === "prod" ? "production" : "staging");
  return {
    ...{ mode: "acme", email: tls.email ?? "" },
    ...{ server: DIRECTORIES[directory], issuer: `acme-${directory}` },
  };
}
