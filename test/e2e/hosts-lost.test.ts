/** Three nodes that are one etcd, when machines are lost with their disks, and when all lose power. `make test-changes`. */
import "./hosts/as-nodes-are-lost.ts";
