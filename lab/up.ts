/** `lab up`: artifacts → machines' world → program → status. Every part is skipped when it is there already. */
import { existsSync, mkdirSync, readdirSync } from "node:fs";
import { join } from "node:path";
import type { Profile } from "../config/schema.ts";
import { NODE_PACKAGES } from "../plan/packages.ts";
import { buildArtifacts, buildVersitygw, missingTools } from "./artifacts/index.ts";
import { startDaemon } from "./daemon.ts";
import { EngineError } from "./engine/errors.ts";
import { type EngineChoice, pickEngine } from "./engine-choice.ts";
import { type LabChoices, readChoices, saveChoices } from "./files.ts";
import type { Lab } from "./lab.ts";
import { pickProfile } from "./profile.ts";
import { installPlugins } from "./pulumi-cli.ts";
import { checkConfig, configuredStorage, labK3sVersion, upstreamManifest } from "./settings.ts";
import { runInLab } from "./shell.ts";

export interface UpOptions {
  readonly engine: EngineChoice;
  readonly profile?: Profile;
  readonly json?: boolean;
}

const say = (line: string): void => void process.stderr.write(`${line}\n`);

/** Answers the exit code. Nothing is deployed when an earlier part fails. */
export async function up(lab: Lab, options: UpOptions): Promise<number> {
  const engine = pickEngine(lab, options.engine);
  refuseMissingTools();
  checkConfig(lab, options.profile);
  const profile = pickProfile(lab, options.profile);
  if (engine === "pulumi") installPlugins(lab);
  const artifacts = await buildArtifacts({
    cacheDir: lab.ctx.cacheDir,
    outDir: join(lab.ctx.dir, "artifacts"),
    packages: NODE_PACKAGES,
    k3sVersion: profile === "hosts" ? undefined : labK3sVersion(lab),
    upstream: upstreamManifest(lab),
    onProgress: say,
  });
  const storage = await buildStorage(lab, profile);
  const choices = readChoices(lab.ctx);
  // Disks are layers over the image they began with, so a lab with disks keeps its image.
  const kept =
    hasDisks(lab) && choices.rootfsDir && existsSync(choices.rootfsDir) ? choices.rootfsDir : undefined;
  const rootfsDir = kept ?? artifacts.rootfsDir;
  const { k3sFile } = artifacts;
  saveChoices(lab.ctx, { rootfsDir, engine, profile, ...(k3sFile && { k3sFile }), storage });
  await startDaemon(lab.ctx, {
    rootfsDir,
    artifactDir: artifacts.served,
    token: lab.files.token,
    aiApiKeysFile: lab.files.aiApiKeysFile,
  });
  const flags = ["--engine", engine, "--profile", profile, ...(options.json ? ["--json"] : [])];
  const cli = join(import.meta.dirname, "cli.ts");
  return runInLab(lab.ctx, [process.execPath, cli, "deploy", ...flags], {
    ...scratchEnv(lab),
    ...(k3sFile && { GARDENOS_KUBECTL: JSON.stringify([k3sFile, "kubectl"]) }),
  });
}

/** Not for a lab that ends below Supabase: it would wait for the compiler. */
async function buildStorage(lab: Lab, profile: Profile): Promise<LabChoices["storage"]> {
  const configured = configuredStorage(lab, profile);
  if (configured === undefined) return undefined;
  const options = { cacheDir: lab.ctx.cacheDir, onProgress: say, log: () => undefined };
  return { ...configured, program: await buildVersitygw(options) };
}

/** Temporary files, SSH keys among them, stay in `.lab`, whatever happens to the run. */
function scratchEnv(lab: Lab): NodeJS.ProcessEnv {
  const scratch = join(lab.ctx.dir, "tmp");
  mkdirSync(scratch, { recursive: true, mode: 0o700 });
  return { TMPDIR: scratch };
}

/** @throws EngineError that names everything missing, before anything starts */
function refuseMissingTools(): void {
  const missing = missingTools();
  if (missing.length === 0) return;
  const names = missing.map((each) =>
    each.package ? `${each.tool} (Debian package ${each.package})` : each.tool,
  );
  throw new EngineError(
    `missing on this machine: ${names.join(", ")}. \`make up\` installs Debian packages itself.`,
  );
}

function hasDisks(lab: Lab): boolean {
  return existsSync(lab.ctx.machinesDir) && readdirSync(lab.ctx.machinesDir).length > 0;
}
