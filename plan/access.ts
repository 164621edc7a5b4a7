/** Group in the certificate of the exported kubeconfig. A ClusterRoleBinding of that name gives it its rights. */
export const ADMIN_GROUP = "gardenos:admins";
