/** Three nodes that are one etcd: as `make up` leaves them, and in use. */
import "./hosts/as-made.ts";
import "./hosts/in-use.ts";
