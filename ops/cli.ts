/** `npm run -s ops -- COMMAND`: on-call's tools for a stack at Hetzner. The lab has the same commands. */
import { Command } from "commander";
import { endWithReader } from "../lib/end-with-reader.ts";
import { addOpsCommands } from "./commands.ts";
import { withProduction } from "./production.ts";
import { addSupabaseCommands } from "./supabase-commands.ts";

endWithReader();

const program = new Command("ops")
  .description("On-call's tools for a stack that the Pulumi CLI deployed.")
  .option("--stack <name>", "the stack; without it the one that is selected");

addOpsCommands(program, async (body) => {
  process.exitCode = await withProduction(program.opts<{ stack?: string }>().stack, body);
});

addSupabaseCommands(program, () => {
  const { stack } = program.opts<{ stack?: string }>();
  if (stack === undefined) throw new Error("which stack? Say --stack NAME before the command");
  return stack;
});

try {
  await program.parseAsync();
} catch (error) {
  process.stderr.write(`ops: ${error instanceof Error ? error.message : String(error)}\n`);
  process.exitCode = 1;
}
