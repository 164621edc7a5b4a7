/** Asks container registries which image a tag stands for: the OCI distribution API, without an account. */
import { z } from "zod";
import { ask, download } from "./fetch.ts";

/** An image for several architectures. Its digest is the same for all of them. */
const INDEX_TYPES = [
  "application/vnd.oci.image.index.v1+json",
  "application/vnd.docker.distribution.manifest.list.v2+json",
];

/** Where an image's name does not say where its registry answers. */
const HOSTS: Readonly<Record<string, string>> = { "docker.io": "registry-1.docker.io" };

export interface ImageReference {
  readonly host: string;
  readonly repository: string;
  readonly tag: string;
}

/**
 * The digest of the index behind a tag: `sha256:…`.
 * @param name of the image in the manifest file, for messages
 * @throws Error that says what the registry answered
 */
export async function upstreamDigest(name: string, reference: ImageReference): Promise<string> {
  const { host, repository, tag } = reference;
  const scheme = host.startsWith("127.0.0.1:") ? "http" : "https";
  const url = new URL(`${scheme}://${HOSTS[host] ?? host}/v2/${repository}/manifests/${tag}`);
  const head = (authorization: Record<string, string>) => ({
    method: "HEAD",
    headers: { accept: INDEX_TYPES.join(", "), ...authorization },
  });
  const first = await ask(name, url, head({}));
  const challenge = first.status === 401 ? (first.headers.get("www-authenticate") ?? "") : undefined;
  const response =
    challenge === undefined && first.ok
      ? first
      : await download(name, url, head(challenge === undefined ? {} : await authorize(name, url, challenge)));
  const type = response.headers.get("content-type")?.split(";")[0] ?? "nothing";
  if (!INDEX_TYPES.includes(type)) {
    throw new Error(
      `${name}: ${url} is ${type}, wanted an index for several architectures; choose another tag`,
    );
  }
  const digest = response.headers.get("docker-content-digest") ?? "";
  if (/^sha256:[0-9a-f]{64}$/.test(digest)) return digest;
  throw new Error(`${name}: ${url} states no digest, got "${digest}"; try again later`);
}

/** Anonymous token, from where the registry says. */
async function authorize(name: string, url: URL, challenge: string): Promise<Record<string, string>> {
  const fields = Object.fromEntries(
    [...challenge.matchAll(/(\w+)="([^"]*)"/g)].map(([, key = "", value = ""]) => [key, value]),
  );
  const { realm, service, scope } = fields;
  if (!/^bearer /i.test(challenge) || realm === undefined || !URL.canParse(realm)) {
    throw new Error(`${name}: ${url} wants a login: ${challenge || "it does not say how"}`);
  }
  const tokenUrl = new URL(realm);
  if (service !== undefined) tokenUrl.searchParams.set("service", service);
  if (scope !== undefined) tokenUrl.searchParams.set("scope", scope);
  const answer = await (await download(name, tokenUrl)).json().catch(() => undefined);
  const parsed = z
    .object({ token: z.string().optional(), access_token: z.string().optional() })
    .safeParse(answer);
  const token = parsed.data?.token ?? parsed.data?.access_token;
  if (token === undefined) throw new Error(`${name}: ${tokenUrl} gives no token; try again later`);
  return { authorization: `Bearer ${token}` };
}
