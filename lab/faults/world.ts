/** The lab's nodes as faults see them. Runs inside the lab's network. */
import type { OpsAccess } from "../../ops/access.ts";
import { power, serverOf } from "../api.ts";
import type { Lab } from "../lab.ts";
import { run } from "../machines/run.ts";
import { privatePort, publicPort } from "../network/links.ts";
import type { World } from "./faults.ts";

export function labWorld(lab: Lab, access: OpsAccess): World {
  return {
    run: (node, command) => access.run(node, command),
    power: async (node, state) => power(lab, await serverOf(lab, node), state),
    cables: async (node, state) => {
      const { id, private_net } = await serverOf(lab, node);
      const ports = [publicPort(id), ...private_net.map(({ network }) => privatePort(id, network))];
      const lines = ports.map((port) => `link set dev ${port} ${state}\n`);
      await run(["ip", "-batch", "-"], lines.join(""));
    },
  };
}
