export type { EtcdMemberArgs } from "./args.ts";
export { EtcdCluster } from "./etcd-cluster.ts";
