/** The artifact manifest: what the nodes download, from where, and the only bytes they accept. */
import { z } from "zod";
import type { Problem } from "../lib/problem.ts";

const artifactSchema = z.strictObject({
  version: z.string(),
  url: z.url({ protocol: /^https?$/ }),
  /** Lower-case hex. `null` until somebody pins it; the program refuses to run then. */
  sha256: z
    .string()
    .regex(/^[0-9a-f]{64}$/)
    .nullable(),
});

const manifestSchema = z.strictObject({ etcd: artifactSchema });

/** One download with its checksum. */
export interface Artifact {
  readonly version: string;
  readonly url: string;
  readonly sha256: string;
}

type ArtifactName = keyof z.output<typeof manifestSchema>;
export type Manifest = Readonly<Record<ArtifactName, Artifact>>;

/**
 * Reads a manifest's text. Problems name the file, because the mistake is there and not in the configuration.
 * @param file path as the configuration names it
 */
export function parseManifest(
  file: string,
  text: string,
): { manifest?: Manifest; problems: readonly Problem[] } {
  let json: unknown;
  try {
    json = JSON.parse(text);
  } catch {
    const want = "JSON with `{version, url, sha256}` per artifact";
    return {
      problems: [{ field: file, got: "text that is not JSON", want, fix: "restore the file from git" }],
    };
  }
  const result = manifestSchema.safeParse(json);
  if (!result.success) {
    return {
      problems: result.error.issues.map((issue) => ({
        field: `${file}: ${issue.path.join(".")}`,
        got: issue.path.reduce<unknown>((v, k) => (v && typeof v === "object" ? Reflect.get(v, k) : v), json),
        want: issue.message,
        fix: "correct the file",
      })),
    };
  }
  const unpinned = Object.entries(result.data).filter(([, artifact]) => artifact.sha256 === null);
  if (unpinned.length > 0) {
    return {
      problems: unpinned.map(([name]) => ({
        field: `${file}: ${name}.sha256`,
        got: null,
        want: "the SHA-256 of the download, pinned in this repository",
        fix: "npm run pin, then review and commit the file",
      })),
    };
  }
  return { manifest: result.data as Manifest, problems: [] };
}
