/**
 * Writes upstream's checksums and images' digests into `artifacts/upstream.json`: `npm run pin [-- FILE]`.
 *
 * To move to another version, change `version` and `url` and set `sha256` to null, or write another tag without its
 * digest; run this, review, commit.
 */
import { readFile, rename, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { z } from "zod";
import { upstreamDigest } from "./registry.ts";
import { upstreamSum } from "./release.ts";

/** Where each project's releases state their checksums. */
const SUMS = { etcd: "SHA256SUMS", k3s: "sha256sum-amd64.txt", k3sImages: "sha256sum-amd64.txt" } as const;

const entrySchema = z.strictObject({
  version: z.string(),
  url: z.url({ protocol: /^https?$/ }),
  sha256: z
    .string()
    .regex(/^[0-9a-f]{64}$/, { error: "64 lower-case hex digits, or null" })
    .nullable(),
});

const IMAGE =
  /^(?<name>(?<host>[^/@]+)\/(?<repository>[^:@]+):(?<tag>[^:@]+))(@(?<digest>sha256:[0-9a-f]{64}))?$/;

const manifestSchema = z.strictObject({
  etcd: entrySchema,
  k3s: entrySchema,
  k3sImages: entrySchema.nullable(),
  images: z.record(
    z.string(),
    z.string().regex(IMAGE, { error: "host/name:tag, with or without @sha256:…" }),
  ),
});

type Manifest = z.output<typeof manifestSchema>;
type Entry = z.output<typeof entrySchema>;

/** A new value for the manifest, and a line for the person. */
interface Pin {
  readonly value: string;
  readonly line: string;
}

/**
 * Pins everything in a manifest file. All or nothing: on an error the file stays as it was.
 * @returns one line per artifact and image, for the person
 * @throws Error that says which one, what was wanted and got, and what to do
 */
async function pin(file: string): Promise<string[]> {
  const manifest = await readManifest(file);
  const report: string[] = [];
  for (const name of ["etcd", "k3s", "k3sImages"] as const) {
    const entry = manifest[name];
    if (entry === null) continue;
    const { value, line } = await pinDownload(name, entry);
    report.push(line);
    entry.sha256 = value;
  }
  for (const [name, image] of Object.entries(manifest.images)) {
    const { value, line } = await pinImage(name, image);
    report.push(line);
    manifest.images[name] = value;
  }
  await writeFile(`${file}.new`, `${JSON.stringify(manifest, undefined, 2)}\n`);
  await rename(`${file}.new`, file);
  return report;
}

async function pinDownload(name: keyof typeof SUMS, { version, url, sha256 }: Entry): Promise<Pin> {
  const found = await upstreamSum(name, { version, url, sumsName: SUMS[name] });
  if (sha256 !== null && sha256 !== found) {
    throw new Error(
      `${name}: upstream now states ${found} for version ${version}, but ${sha256} is pinned. ` +
        "A release's files never change: find out why before you set sha256 to null and pin again.",
    );
  }
  return { value: found, line: `${name} ${version}: ${found}${sha256 === null ? "" : " (as pinned)"}` };
}

async function pinImage(name: string, image: string): Promise<Pin> {
  const { name: tagged, host = "", repository = "", tag = "", digest } = IMAGE.exec(image)?.groups ?? {};
  const found = await upstreamDigest(name, { host, repository, tag });
  if (digest !== undefined && digest !== found) {
    throw new Error(
      `${name}: ${tagged} is ${found} now, but ${digest} is pinned. Somebody moved the tag: ` +
        "find out why before you remove the digest and pin again, or choose another tag.",
    );
  }
  return {
    value: `${tagged}@${found}`,
    line: `${name} ${tagged}: ${found}${digest === undefined ? "" : " (as pinned)"}`,
  };
}

async function readManifest(file: string): Promise<Manifest> {
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
