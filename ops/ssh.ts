/** OpenSSH to a node, host key pinned. */
import { renameSync, writeFileSync } from "node:fs";
import type { StackExports } from "../exports.ts";

export interface SshAccess {
  /** File with the pinned keys; see {@link trustHostKeys}. */
  readonly knownHosts: string;
  /** Private key. @default - what OpenSSH finds: an agent, the user's own keys */
  readonly identity?: string;
  /** Ask for a terminal there. @default false */
  readonly terminal?: boolean;
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

/** True when a person sits at both ends of this process. */
export const isInteractive = (): boolean => process.stdin.isTTY === true && process.stdout.isTTY === true;

/** One word for a shell. */
export const shellWord = (text: string): string => `'${text.replaceAll("'", "'\\''")}'`;

/** ssh's command line, as root. */
export function sshArgv(
  { knownHosts, identity, terminal = false }: SshAccess,
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
  return [
    "ssh",
    ...(terminal ? ["-t"] : []),
    ...(identity ? ["-i", identity] : []),
    ...options,
    `root@${publicIp}`,
    ...remote,
  ];
}
