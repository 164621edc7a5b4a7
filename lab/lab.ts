/** This checkout's lab: its context, files and stack. */
import { mkdirSync, realpathSync } from "node:fs";
import { repositoryPath } from "../lib/repository-file.ts";
import { defaultCacheDir } from "./artifacts/cache.ts";
import { type LabContext, labContext } from "./context.ts";
import { type LabFiles, labFiles } from "./files.ts";

export interface Lab {
  readonly ctx: LabContext;
  readonly files: LabFiles;
  readonly project: string;
  readonly stack: string;
}

export function openLab(): Lab {
  const ctx = labContext(realpathSync(repositoryPath(".")), defaultCacheDir());
  mkdirSync(ctx.dir, { recursive: true, mode: 0o700 });
  return { ctx, files: labFiles(ctx), project: "gardenos", stack: "lab" };
}
