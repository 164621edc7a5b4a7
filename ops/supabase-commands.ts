/** `supabase`: what is done to a stack's Supabase by its settings. */
import { readFileSync, writeFileSync } from "node:fs";
import type { Command } from "commander";
import { repositoryPath } from "../lib/repository-file.ts";
import { rotate } from "./supabase-keys.ts";

/** @param stack the stack's name. @throws Error when it is not known */
export function addSupabaseCommands(program: Command, stack: () => string): void {
  program
    .command("supabase")
    .description("Supabase: its keys")
    .command("rotate")
    .description("the next step of a rotation of keys, in the stack's file; old and new keys overlap")
    .action(() => {
      const name = `Pulumi.${stack()}.yaml`;
      const path = repositoryPath(name);
      const { file, say } = rotate(readFileSync(path, "utf8"));
      writeFileSync(path, file);
      process.stdout.write(`${name} is written. ${say}\n`);
    });
}
