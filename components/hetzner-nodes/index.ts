export { HetznerNodes } from "./hetzner-nodes.ts";
