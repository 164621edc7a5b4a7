export { EtcdCluster } from "./etcd-cluster.ts";
