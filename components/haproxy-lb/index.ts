export { HaproxyLb } from "./haproxy-lb.ts";
export { InClusterHaproxy } from "./in-cluster.ts";
