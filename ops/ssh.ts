/** OpenSSH to a node, host key pinned. */
import { renameSync, writeFileSync } from "node:fs";
import type { StackExports } from "../exports.ts";

export interface SshAccess {
  /** File with the pinned keys; see {@link trustHostKeys}. */
  readonly knownHosts: string;
  /** Private key. @default - what OpenSSH finds: an agent, the user's own keys */
  readonly identity?: string;
}

/**
 * Writes the host keys that the stack exports, and nothing else, for ssh to trust. In one step: another command may be
 * reading them.
 */
export function trustHostKeys(knownHosts: string, nodes: StackExports["nodes"]): void {
  const lines = Object.values(nodes).map((node) => `${node.publicIp} ${node.hostKey}\n`);
  const next = `${knownHosts}.${process.pid}`;
  writeFileSync(next, lines.join(""), { mode: 0o600 });
  renameSync(next, knownHosts);
}

/** ssh's command line, as root. */
export function sshArgv(
  { knownHosts, identity }: SshAccess,
  publicIp: string,
  remote: readonly string[],
): readonly [string, ...string[]] {
  const options = [
    `UserKnownHostsFile=${knownHosts}`,
    "StrictHostKeyChecking=yes",
    "HostKeyAlgorithms=ssh-ed25519",
    "ConnectTimeout=5",
    "ServerAliveInterval=5",
    "ServerAliveCountMax=2",
    "LogLevel=ERROR",
  ].flatMap((option) => ["-o", option]);
  return ["ssh", ...(identity ? ["-i", identity] : []), ...options, `root@${publicIp}`, ...remote];
}
