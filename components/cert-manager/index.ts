export { CertManager } from "./cert-manager.ts";
