export type { KubernetesAccess } from "./args.ts";
export { K3sControlPlane } from "./k3s-control-plane.ts";
