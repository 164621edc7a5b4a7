/** Three nodes that are one etcd, when something is wrong with one, and when they are lost. */
import "./hosts/as-nodes-fail.ts";
import "./hosts/as-nodes-are-lost.ts";
