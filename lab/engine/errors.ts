/** Errors of the engine's own, and the texts of others. */
import { relative } from "node:path";
import { stripVTControlCharacters } from "node:util";

/** A problem that is the user's to solve: the message says it all, no stack trace helps. */
export class EngineError extends Error {
  override readonly name = "EngineError";
}

/** The text of anything thrown, with the reason that `fetch` and others put into `cause`. */
export function messageOf(thrown: unknown): string {
  if (!(thrown instanceof Error)) return String(thrown);
  const cause = thrown.cause instanceof Error ? messageOf(thrown.cause) : "";
  return cause === "" || thrown.message.includes(cause) ? thrown.message : `${thrown.message}: ${cause}`;
}

const FRAME = /^\s+at .*$/;

/**
 * A program's error text without the stack and the dump of properties that follow it: the message, its causes, and
 * the first place inside the program, as `(file:line:column)`.
 */
export function programError(text: string, programDir: string): string {
  const lines = stripVTControlCharacters(text).trimEnd().split("\n");
  const stack = lines.findIndex((line) => FRAME.test(line));
  if (stack === -1) return lines.join("\n");
  const causes = lines.slice(stack).filter((line) => line.includes("[cause]: "));
  const place = lines
    .filter((line) => FRAME.test(line) && !/node_modules|node:/.test(line))
    .map((line) => /(?:file:\/\/)?(\/[^()]+:\d+:\d+)\)?/.exec(line)?.[1])
    .find((file) => file?.startsWith(programDir));
  const where = place === undefined ? [] : [`  (${relative(programDir, place)})`];
  const message = lines.slice(0, stack).join("\n");
  return [message.replace(/^(Resource)?Error: /, ""), ...causes, ...where].join("\n");
}
