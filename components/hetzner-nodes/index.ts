export { HetznerNodes, type Node } from "./hetzner-nodes.ts";
