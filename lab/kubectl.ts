/** kubectl as people outside use it: the exported kubeconfig, through the entry. */
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { readChoices } from "./files.ts";
import type { Lab } from "./lab.ts";
import { run } from "./machines/run.ts";
import { stackExports } from "./outputs.ts";
import { runInLab } from "./shell.ts";

/**
 * Writes the exported kubeconfig where only root reads it, and answers the file.
 * @throws Error while the stack has no Kubernetes
 */
async function writeKubeconfig(lab: Lab): Promise<string> {
  const { kubernetes } = await stackExports(lab);
  if (!kubernetes) throw new Error("the stack has no Kubernetes yet; `make up` builds it");
  const file = join(lab.ctx.dir, "kubeconfig");
  writeFileSync(file, kubernetes.kubeconfig, { mode: 0o600 });
  return file;
}

/** kubectl's command line: the lab's K3s is kubectl, too. */
function kubectlArgv(lab: Lab): readonly string[] {
  const { k3sFile } = readChoices(lab.ctx);
  if (!k3sFile) throw new Error("this lab has no K3s yet; `make up` builds it");
  return [k3sFile, "kubectl"];
}

/** Runs kubectl inside the lab's network, and answers what it printed. @throws Error with what it said */
export async function captureKubectl(lab: Lab, args: readonly string[], input = ""): Promise<string> {
  const file = await writeKubeconfig(lab);
  const [program = "", ...rest] = kubectlArgv(lab);
  return run([program, ...rest, "--kubeconfig", file, ...args], input);
}

/** Runs kubectl on this terminal. Answers its exit code. */
export async function kubectl(lab: Lab, args: readonly string[]): Promise<number> {
  const file = await writeKubeconfig(lab);
  return runInLab(lab.ctx, [...kubectlArgv(lab), ...args], { KUBECONFIG: file });
}
