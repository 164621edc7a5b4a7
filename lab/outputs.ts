/** What the lab's stack exports, whichever engine made it. */
import type { StackExports } from "../exports.ts";
import { readOutputs } from "./engine/outputs.ts";
import { readChoices } from "./files.ts";
import type { Lab } from "./lab.ts";
import { pulumiOutputs } from "./pulumi-cli.ts";

/** By name; empty before the first `up`. */
export async function stackOutputs(
  lab: Lab,
  options: { readonly showSecrets: boolean },
): Promise<Readonly<Record<string, unknown>>> {
  if (readChoices(lab.ctx).engine === "pulumi") return pulumiOutputs(lab, options);
  const { project, stack, files } = lab;
  return readOutputs({ project, stack, file: files.stateFile, passphrase: files.passphrase }, options);
}

/** Secrets are readable. Nothing is deployed yet: no nodes. */
export async function stackExports(lab: Lab): Promise<StackExports> {
  return { nodes: {}, ...(await stackOutputs(lab, { showSecrets: true })) } as unknown as StackExports;
}
