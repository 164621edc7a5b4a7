export { IngressCertificates } from "./ingress-certificates.ts";
