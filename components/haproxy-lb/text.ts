/** The words of a HAProxy configuration that the nodes' and the pods' have in common. */
import { CHECK, KEEP_ALIVE } from "./limits.ts";

export const section = (title: string, lines: readonly string[]): string =>
  [title, ...lines.map((line) => `    ${line}`), ""].join("\n");

/** One address a line: HAProxy reads 64 words of a line and no more. */
export const sources = (name: string, from: readonly string[]): string[] =>
  from.map((source) => `acl ${name} src ${source}`);

interface Defaults {
  readonly connectTimeoutSeconds: number;
  readonly idleTimeoutSeconds: number;
}

export function defaults({ connectTimeoutSeconds, idleTimeoutSeconds }: Defaults): string {
  const { idle, interval, count } = KEEP_ALIVE;
  const keepAlive = (side: "cli" | "srv") => [
    `option ${side}tcpka`,
    `${side}tcpka-idle ${idle}`,
    `${side}tcpka-intvl ${interval}`,
    `${side}tcpka-cnt ${count}`,
  ];
  return section("defaults", [
    "mode tcp",
    "log global",
    "option tcplog",
    // The journal has state changes and failed connections, not every single one.
    "option dontlog-normal",
    "option dontlognull",
    // A server that does not answer is left for another one at the first try.
    "retries 3",
    "option redispatch 1",
    `timeout connect ${connectTimeoutSeconds}s`,
    `timeout client ${idleTimeoutSeconds}s`,
    `timeout server ${idleTimeoutSeconds}s`,
    "timeout client-fin 30s",
    "timeout server-fin 30s",
    `timeout check ${CHECK.timeout}`,
    ...keepAlive("cli"),
    ...keepAlive("srv"),
  ]);
}
