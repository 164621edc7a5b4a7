/** Runs commands where the lab's network is. */
import { spawn } from "node:child_process";
import { text } from "node:stream/consumers";
import type { LabContext } from "./context.ts";
import { inLabNetns } from "./daemon.ts";

/** Set in processes that already see the lab's network. */
const INSIDE = "GARDENOS_LAB_INSIDE";

export const isInside = (): boolean => process.env[INSIDE] === "1";

/** The command as seen from the lab's network; unchanged when this process is there already. */
function command(ctx: LabContext, argv: readonly string[]): readonly string[] {
  return isInside() ? argv : inLabNetns(ctx, argv);
}

/** Runs a command on this terminal; dies with us. Answers its exit code. */
export function runInLab(
  ctx: LabContext,
  argv: readonly string[],
  env: NodeJS.ProcessEnv = {},
): Promise<number> {
  const [file = "", ...args] = ["setpriv", "--pdeathsig", "KILL", ...command(ctx, argv)];
  const child = spawn(file, args, { stdio: "inherit", env: { ...process.env, ...env, [INSIDE]: "1" } });
  // The terminal sends Ctrl-C to both; the child decides how to end, we only wait for it.
  const ignore = () => undefined;
  process.on("SIGINT", ignore);
  return new Promise((resolve, reject) => {
    child.once("error", reject);
    child.once("exit", (code) => {
      process.off("SIGINT", ignore);
      resolve(code ?? 1);
    });
  });
}

/** Runs a command and answers its standard output. */
export async function captureInLab(ctx: LabContext, argv: readonly string[]): Promise<string> {
  const [file = "", ...args] = command(ctx, argv);
  const child = spawn(file, args, { stdio: ["ignore", "pipe", "pipe"] });
  const exit = new Promise<number>((resolve, reject) => {
    child.once("error", reject);
    child.once("close", (code) => resolve(code ?? 1));
  });
  const [out, err, code] = await Promise.all([text(child.stdout), text(child.stderr), exit]);
  if (code !== 0) throw new Error(`${argv[0]} ended with ${code}: ${err.trim()}`);
  return out;
}
