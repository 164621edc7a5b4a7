/** Three nodes that are one etcd, when something is wrong with one. */
import "./hosts/as-nodes-fail.ts";
