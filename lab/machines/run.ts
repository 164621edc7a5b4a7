/** Short-lived system commands. */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { text } from "node:stream/consumers";

/**
 * Runs a command and resolves to its standard output.
 * @param argv program and arguments; nothing secret, every user can read them
 * @param input written to standard input
 * @throws Error with the command's standard error when it ends with another status than 0
 */
export async function run(argv: readonly [string, ...string[]], input = ""): Promise<string> {
  const [program, ...args] = argv;
  const child = spawn(program, args, { stdio: "pipe" });
  // A command may fail before it has read its input; its status tells what happened.
  child.stdin.on("error", () => undefined);
  child.stdin.end(input);
  const [stdout, stderr, [status, signal]] = await Promise.all([
    text(child.stdout),
    text(child.stderr),
    once(child, "close"),
  ]);
  if (status === 0) return stdout;
  throw new Error(`${argv.join(" ")} ended with ${signal ?? `status ${status}`}: ${stderr.trim()}`);
}
