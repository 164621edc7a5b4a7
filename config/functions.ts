/** The code of Supabase's functions, from the folder that the configuration names. */
import { lstatSync, readdirSync, readFileSync, realpathSync, statSync } from "node:fs";
import { isAbsolute, join, normalize, relative } from "node:path";
import type { Problem } from "../lib/problem.ts";
import { repositoryPath } from "../lib/repository-file.ts";

const FIELD = "gardenos:supabase.functions";

/** The edge runtime asks this one, which leads to the others (supabase.com/docs, "Self-hosted functions"). */
const MAIN = "main/index.ts";

/** What a ConfigMap holds (kubernetes.io, "ConfigMaps"), less what it needs beside the files. */
const MOST_BYTES = 1_000_000;

/** Looks at the folder and at its files in order, and stops at what makes the next look senseless. */
class Refused extends Error {
  readonly problems: readonly Problem[];
  constructor(problems: readonly Problem[]) {
    super("refused");
    this.problems = problems;
  }
}

const problem = (got: string, want: string, fix: string): Problem => ({ field: FIELD, got, want, fix });

/** @throws Refused when the operating system says no */
function attempt<T>(path: string, look: () => T): T {
  try {
    return look();
  } catch (error) {
    const code = (error as NodeJS.ErrnoException).code ?? "no reason given";
    throw new Refused([problem(path, `something that can be read, and it can't (${code})`, `mend ${path}`)]);
  }
}

const leadsOut = (path: string): boolean => isAbsolute(path) || /^\.\.(\/|$)/.test(path);

/** @throws Refused when it is no folder of this repository */
function rootOf(folder: string): string {
  const inside = "a folder inside this repository, such as functions";
  const refuse = (want: string, fix: string) => new Refused([problem(folder, want, fix)]);
  const path = normalize(folder);
  if (folder.trim() === "" || path === "." || path === "./" || leadsOut(path))
    throw refuse(inside, "name the folder relative to the repository");
  const root = repositoryPath(folder);
  const found = attempt(folder, () => statSync(root, { throwIfNoEntry: false }));
  if (!found?.isDirectory()) throw refuse("a folder that exists", "correct the path, or make the folder");
  const real = attempt(folder, () => relative(realpathSync(repositoryPath(".")), realpathSync(root)));
  if (leadsOut(real)) throw refuse(`${inside}: a link leads out of it`, "put the code into the repository");
  return root;
}

/** Paths of all files below a folder, and what may not be there. */
function walk(root: string, below = ""): { readonly paths: string[]; readonly problems: Problem[] } {
  const entries = attempt(below || ".", () => readdirSync(join(root, below), { withFileTypes: true }));
  const paths: string[] = [];
  const problems: Problem[] = [];
  for (const entry of entries) {
    const path = join(below, entry.name);
    if (entry.name.startsWith(".")) {
      problems.push(problem(path, "no file with a dot before its name", `take ${path} out of the folder`));
    } else if (entry.isDirectory()) {
      const found = walk(root, path);
      paths.push(...found.paths);
      problems.push(...found.problems);
    } else if (entry.isFile()) {
      paths.push(path);
    } else {
      problems.push(problem(path, "a file, and no link", `put the file itself in place of ${path}`));
    }
  }
  return { paths, problems };
}

/** @throws Refused when it is no text */
function readText(root: string, path: string): string {
  const bytes = attempt(path, () => readFileSync(join(root, path)));
  try {
    return new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(bytes);
  } catch {
    throw new Refused([problem(path, "a text in UTF-8", `take ${path} out of the folder, or convert it`)]);
  }
}

/** @throws Refused with everything that is wrong */
function readFolder(folder: string): Readonly<Record<string, string>> {
  const root = rootOf(folder);
  const { paths, problems } = walk(root);
  if (!paths.includes(MAIN)) {
    const want = `a folder with ${MAIN}, which leads to the functions`;
    throw new Refused([problem(folder, want, `add ${MAIN}`), ...problems]);
  }
  if (problems.length > 0) throw new Refused(problems);
  const bytes = paths.reduce((sum, path) => sum + attempt(path, () => lstatSync(join(root, path)).size), 0);
  if (bytes > MOST_BYTES) {
    const want = `files of ${MOST_BYTES} bytes together at most, not ${bytes}`;
    throw new Refused([problem(folder, want, "leave out what is no code")]);
  }
  return Object.fromEntries(paths.sort().map((path) => [path, readText(root, path)]));
}

/** Path → text of each file. @param problems receives what is wrong */
export function readFunctions(
  folder: string | undefined,
  problems: Problem[],
): Readonly<Record<string, string>> {
  if (folder === undefined) return {};
  try {
    return readFolder(folder);
  } catch (error) {
    if (!(error instanceof Refused)) throw error;
    problems.push(...error.problems);
    return {};
  }
}
