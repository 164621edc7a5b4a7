export { HaproxyLb } from "./haproxy-lb.ts";
