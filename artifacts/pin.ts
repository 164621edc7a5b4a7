/**
 * Writes upstream's checksums into `artifacts/upstream.json`: `npm run pin [-- FILE]`.
 *
 * To move to another version, change `version` and `url`, set `sha256` to null, run this, review, commit.
 */
import { readFile, rename, writeFile } from "node:fs/promises";
import { basename, join } from "node:path";
import { z } from "zod";

/** Beside every release, by convention: one `<sha256>  <file name>` per line. */
const SUMS_NAME = "SHA256SUMS";
const TIMEOUT_MS = 30_000;

const manifestSchema = z.record(
  z.string(),
  z.object({
    version: z.string(),
    url: z.url({ protocol: /^https?$/ }),
    sha256: z
      .string()
      .regex(/^[0-9a-f]{64}$/, { error: "64 lower-case hex digits, or null" })
      .nullable(),
  }),
);

type Entry = z.output<typeof manifestSchema>[string];

/**
 * Pins every artifact of a manifest file. All or nothing: on an error the file stays as it was.
 * @returns one line per artifact, for the person
 * @throws Error that says which artifact, what was wanted and got, and what to do
 */
async function pin(file: string): Promise<string[]> {
  const manifest = await readManifest(file);
  const report: string[] = [];
  for (const [name, entry] of Object.entries(manifest)) {
    const found = await upstreamSum(name, entry);
    if (entry.sha256 !== null && entry.sha256 !== found) {
      throw new Error(
        `${name}: upstream now states ${found} for version ${entry.version}, but ${entry.sha256} is pinned. ` +
          "A release's files never change: find out why before you set sha256 to null and pin again.",
      );
    }
    report.push(`${name} ${entry.version}: ${found}${entry.sha256 === null ? "" : " (as pinned)"}`);
    entry.sha256 = found;
  }
  await writeFile(`${file}.new`, `${JSON.stringify(manifest, undefined, 2)}\n`);
  await rename(`${file}.new`, file);
  return report;
}

async function readManifest(file: string): Promise<Record<string, Entry>> {
  const text = await readFile(file, "utf8").catch(() => {
    throw new Error(`${file} can't be read; name a manifest such as artifacts/upstream.json`);
  });
  try {
    return manifestSchema.parse(JSON.parse(text));
  } catch (error) {
    const why = error instanceof z.ZodError ? `\n${z.prettifyError(error)}` : " it is not JSON";
    throw new Error(`${file} is no manifest:${why}`);
  }
}

async function upstreamSum(name: string, entry: Entry): Promise<string> {
  const url = new URL(entry.url);
  const fileName = basename(url.pathname);
  if (!fileName.includes(entry.version)) {
    throw new Error(`${name}: version is ${entry.version}, but the url names ${fileName}; make them agree`);
  }
  const sumsUrl = new URL(SUMS_NAME, url);
  const sums = parseSums(await download(name, sumsUrl)).filter((sum) => sum.fileName === fileName);
  const [first, ...others] = new Set(sums.map((sum) => sum.sha256));
  if (first && others.length === 0) return first;
  const got = first ? "more than one checksum" : "no checksum";
  throw new Error(`${name}: ${sumsUrl} states ${got} for ${fileName}; check version and url`);
}

async function download(name: string, url: URL): Promise<string> {
  requireSecure(name, url);
  const failed = (why: string) => new Error(`${name}: ${url} can't be downloaded: ${why}; try again later`);
  const response = await fetch(url, { signal: AbortSignal.timeout(TIMEOUT_MS) }).catch((error: unknown) => {
    const cause =
      error instanceof Error && error.cause instanceof Error ? error.cause.message : String(error);
    throw failed(cause);
  });
  requireSecure(name, new URL(response.url));
  if (!response.ok) throw failed(`HTTP ${response.status}`);
  return response.text();
}

/** A checksum that came unprotected pins whatever an attacker likes. */
function requireSecure(name: string, url: URL): void {
  if (url.protocol === "https:" || url.hostname === "127.0.0.1") return;
  throw new Error(`${name}: ${url} is not https; checksums are only taken over https`);
}

/** Reads the format of `sha256sum`; other lines are ignored. */
function parseSums(text: string): readonly { readonly sha256: string; readonly fileName: string }[] {
  return text.split(/\r?\n/).flatMap((line) => {
    const match = /^([0-9a-f]{64}) [ *](?:\.\/)?(\S+)$/.exec(line);
    return match?.[1] && match[2] ? [{ sha256: match[1], fileName: match[2] }] : [];
  });
}

if (import.meta.main) {
  const file = process.argv[2] ?? join(import.meta.dirname, "upstream.json");
  try {
    for (const line of await pin(file)) console.log(line);
    console.log(`wrote ${file}: review and commit it`);
  } catch (error) {
    console.error(error instanceof Error ? error.message : String(error));
    process.exitCode = 1;
  }
}
