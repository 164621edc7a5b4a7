/** Questions to a running HAProxy, by its socket. */
import { connect } from "node:net";
import { relative } from "node:path";
import { text } from "node:stream/consumers";
import type { TargetHealth } from "../cloud/balancers.ts";
import { targetOf } from "./config.ts";

const TIMEOUT_MS = 5_000;

/**
 * One command of HAProxy's management interface.
 * @throws Error when nobody answers at the socket
 */
export function ask(socket: string, command: string): Promise<string> {
  // Short enough for the kernel (107 characters) as long as both are in one lab.
  const connection = connect(relative(process.cwd(), socket));
  connection.setTimeout(TIMEOUT_MS, () => connection.destroy(new Error("HAProxy does not answer in time")));
  connection.end(`${command}\n`);
  return text(connection);
}

/** The targets' states, from the answer to `show stat`: CSV whose first line names the columns. */
export function parseHealth(stats: string): readonly TargetHealth[] {
  const [head = "", ...lines] = stats.trim().split("\n");
  const columns = head.replace(/^# /, "").split(",");
  return lines.flatMap((line) => {
    const cells = line.split(",");
    const cell = (name: string): string => cells[columns.indexOf(name)] ?? "";
    const target = targetOf(cell("pxname"), cell("svname"));
    if (target === undefined) return [];
    // `INI`: the first check is not done. A check that is being repeated has a star in front.
    const isKnown = cell("check_status") !== "INI";
    const isUp = cell("status").startsWith("UP");
    return [{ ...target, health: isKnown ? (isUp ? "healthy" : "unhealthy") : "unknown" }];
  });
}
