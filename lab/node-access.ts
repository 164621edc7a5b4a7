/** How lab commands reach nodes: addresses from the stack's exports, SSH with pinned host keys. */
import { writeFileSync } from "node:fs";
import type { StackExports } from "../exports.ts";
import type { StatusSource } from "../ops/status.ts";
import { listServers } from "./api.ts";
import type { Lab } from "./lab.ts";
import { captureInLab, sshArgv } from "./shell.ts";

type Nodes = StackExports["nodes"];

/** Writes the host keys that the stack exports, and nothing else, for ssh to trust. */
export function trustHostKeys(lab: Lab, nodes: Nodes): void {
  const lines = Object.values(nodes).map((node) => `${node.publicIp} ${node.hostKey}\n`);
  writeFileSync(lab.files.knownHosts, lines.join(""), { mode: 0o600 });
}

/** @throws Error that names the nodes there are */
export function nodeOf(nodes: Nodes, key: string): Nodes[string] {
  const node = nodes[key];
  if (node) return node;
  const known = Object.keys(nodes).join(", ");
  throw new Error(`there is no node ${key}; ${known ? `nodes are ${known}` : "the stack has none yet"}`);
}

/** Eyes of `status` in the lab. Runs inside the lab's network. */
export function labStatusSource(lab: Lab, exports: StatusSource["exports"]): StatusSource {
  const { nodes } = exports;
  trustHostKeys(lab, nodes);
  const servers = listServers(lab.files.token);
  return {
    exports,
    serverState: async (name) => (await servers).find((server) => server.name === name)?.status ?? "gone",
    run: (key, command) =>
      captureInLab(lab.ctx, sshArgv(lab.files, nodeOf(nodes, key).publicIp, ["timeout", "20", command])),
  };
}
