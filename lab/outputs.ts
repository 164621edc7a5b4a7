/** What the lab's stack exports, whichever engine made it. */
import type { StackExports } from "../exports.ts";
import { builtinEngine } from "./deploy.ts";
import { readChoices } from "./files.ts";
import type { Lab } from "./lab.ts";
import { pulumiOutputs } from "./pulumi-cli.ts";

/** Secrets are readable. Nothing is deployed yet: no nodes. */
export async function stackExports(lab: Lab): Promise<StackExports> {
  const engine = readChoices(lab.ctx).engine;
  const outputs =
    engine === "pulumi" ? await pulumiOutputs(lab) : builtinEngine(lab).outputs({ showSecrets: true });
  return { nodes: {}, ...outputs } as unknown as StackExports;
}
