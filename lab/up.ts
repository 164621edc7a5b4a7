/** `lab up`: artifacts → machines' world → program → status. Every part is skipped when it is there already. */
import { existsSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { NODE_PACKAGES } from "../plan/packages.ts";
import { buildArtifacts } from "./artifacts/index.ts";
import { startDaemon } from "./daemon.ts";
import { readChoices, saveChoices } from "./files.ts";
import type { Lab } from "./lab.ts";
import { type EngineChoice, pickEngine } from "./pulumi-cli.ts";
import { runInLab } from "./shell.ts";

export interface UpOptions {
  readonly engine: EngineChoice;
  readonly json?: boolean;
}

const say = (line: string): void => void process.stderr.write(`${line}\n`);

/** Answers the exit code. Nothing is deployed when an earlier part fails. */
export async function up(lab: Lab, options: UpOptions): Promise<number> {
  const engine = pickEngine(lab, options.engine);
  const artifacts = await buildArtifacts({
    cacheDir: lab.ctx.cacheDir,
    outDir: join(lab.ctx.dir, "artifacts"),
    packages: NODE_PACKAGES,
    onProgress: say,
  });
  const choices = readChoices(lab.ctx);
  // Disks are layers over the image they began with, so a lab with disks keeps its image.
  const kept =
    hasDisks(lab) && choices.rootfsDir && existsSync(choices.rootfsDir) ? choices.rootfsDir : undefined;
  const rootfsDir = kept ?? artifacts.rootfsDir;
  saveChoices(lab.ctx, { rootfsDir, engine });
  await startDaemon(lab.ctx, { rootfsDir, artifactDir: artifacts.served, token: lab.files.token });
  const flags = options.json ? ["--json"] : [];
  return runInLab(lab.ctx, [
    process.execPath,
    import.meta.dirname.concat("/cli.ts"),
    "deploy",
    "--engine",
    engine,
    ...flags,
  ]);
}

function hasDisks(lab: Lab): boolean {
  return existsSync(lab.ctx.machinesDir) && readdirSync(lab.ctx.machinesDir).length > 0;
}
