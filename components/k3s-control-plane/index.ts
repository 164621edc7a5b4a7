export type { K3sServerArgs } from "./args.ts";
export { K3sControlPlane } from "./k3s-control-plane.ts";
export { renderKubeconfig } from "./kubeconfig.ts";
