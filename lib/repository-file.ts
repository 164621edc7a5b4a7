import { readFileSync } from "node:fs";
import { resolve } from "node:path";

const ROOT = resolve(import.meta.dirname, "..");

/** Absolute path of a file, given relative to the repository's root (never to the working directory). */
export function repositoryPath(path: string): string {
  return resolve(ROOT, path);
}

/** Text of a file of this repository: static scripts, units, SQL. */
export function readRepositoryFile(path: string): string {
  return readFileSync(repositoryPath(path), "utf8");
}
