/** How lab commands reach nodes: addresses from the stack's exports, SSH with pinned host keys. */
import type { StackExports } from "../exports.ts";
import { nodeOf, type OpsAccess } from "../ops/access.ts";
import { serverStates, targetHealth } from "../ops/hetzner.ts";
import { isInteractive, sshArgv, trustHostKeys } from "../ops/ssh.ts";
import { labApi } from "./api.ts";
import type { Lab } from "./lab.ts";
import { stackExports } from "./outputs.ts";
import { captureInLab, runInLab } from "./shell.ts";

/** Long enough for a gate that waits, short enough for a node that hangs. */
const TIMEOUT_SECONDS = 120;

/** What on-call's tools need, in the lab. Runs inside the lab's network. */
export function labAccess(lab: Lab, exports: StackExports): OpsAccess {
  const api = labApi(lab);
  trustHostKeys(lab.files.knownHosts, exports.nodes);
  return {
    self: "npm run -s lab --",
    exports,
    serverState: serverStates(api),
    targetHealth: () => targetHealth(api, exports),
    run: (key, command) =>
      captureInLab(lab.ctx, sshTo(lab, exports, key, ["timeout", String(TIMEOUT_SECONDS), command])),
    terminal: (key, command) => runInLab(lab.ctx, sshTo(lab, exports, key, [command], isInteractive())),
  };
}

/** A command on a node, or a shell, on this terminal. Answers its exit code. */
export async function ssh(lab: Lab, key: string, remote: readonly string[]): Promise<number> {
  const exports = await stackExports(lab);
  trustHostKeys(lab.files.knownHosts, exports.nodes);
  return runInLab(lab.ctx, sshTo(lab, exports, key, remote));
}

function sshTo(
  lab: Lab,
  { nodes }: StackExports,
  key: string,
  remote: readonly string[],
  terminal = false,
): readonly string[] {
  const { knownHosts, sshKey } = lab.files;
  return sshArgv({ knownHosts, identity: sshKey, terminal }, nodeOf(nodes, key).publicIp, remote);
}
