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

/** A container image with its tag for people and its digest for the machine. */
const imageSchema = z.string().regex(/^[a-z0-9.-]+(\/[a-z0-9._-]+)+:[A-Za-z0-9._-]+@sha256:[0-9a-f]{64}$/, {
  error: "an image reference `host/name:tag@sha256:…`",
});

/** As {@link imageSchema}; `name:tag@` waits for its digest. */
const pinnableImageSchema = z.union([
  imageSchema,
  z.string().regex(/^[a-z0-9.-]+(\/[a-z0-9._-]+)+:[A-Za-z0-9._-]+$/),
]);

const IMAGES = [
  "traefik",
  "metricsServer",
  "localPathProvisioner",
  "busybox",
  "postgres",
  "pgbouncer",
  "haproxy",
  "certManagerController",
  "certManagerWebhook",
  "certManagerCainjector",
  "certManagerAcmesolver",
  "supabaseAuth",
  "supabaseRest",
  "supabaseRealtime",
  "supabaseStorage",
  "supabaseGateway",
  "supabaseImgproxy",
  "supabaseMeta",
  "supabaseStudio",
  "supabaseFunctions",
] as const;

const manifestSchema = z.strictObject({
  etcd: artifactSchema,
  /** One executable file. */
  k3s: artifactSchema,
  /** Archive of images that K3s imports before it starts pods; null where nodes reach the registries. */
  k3sImages: artifactSchema.nullable(),
  images: z.strictObject(
    Object.fromEntries(IMAGES.map((name) => [name, pinnableImageSchema])) as Record<
      (typeof IMAGES)[number],
      typeof pinnableImageSchema
    >,
  ),
});

/** One download with its checksum. */
export interface Artifact {
  readonly version: string;
  readonly url: string;
  readonly sha256: string;
}

/** Every image that the program's own objects name. */
export type Images = Readonly<Record<(typeof IMAGES)[number], string>>;

export interface Manifest {
  readonly etcd: Artifact;
  readonly k3s: Artifact;
  readonly k3sImages: Artifact | null;
  readonly images: Images;
}

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
  const unpinned = unpinnedIn(result.data);
  if (unpinned.length > 0) {
    return {
      problems: unpinned.map((name) => ({
        field: `${file}: ${name}`,
        got: null,
        want: "the SHA-256 of the download, pinned in this repository",
        fix: "npm run pin, then review and commit the file",
      })),
    };
  }
  return { manifest: result.data as Manifest, problems: [] };
}

function unpinnedIn({ etcd, k3s, k3sImages, images }: z.output<typeof manifestSchema>): readonly string[] {
  const downloads = Object.entries({ etcd, k3s, k3sImages }).filter(([, each]) => each?.sha256 === null);
  const references = Object.entries(images).filter(
    ([, reference]) => !imageSchema.safeParse(reference).success,
  );
  return [...downloads.map(([name]) => `${name}.sha256`), ...references.map(([name]) => `images.${name}`)];
}
