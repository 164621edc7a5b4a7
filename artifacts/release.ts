/** Asks a release for the checksum of one of its files. */
import { basename } from "node:path";
import { download } from "./fetch.ts";

export interface ReleaseFile {
  readonly version: string;
  readonly url: string;
  /** Name of the file with checksums that lies beside it: `<sha256>  <file name>` per line. */
  readonly sumsName: string;
}

/**
 * The checksum that the release states.
 * @param name of the artifact, for messages
 * @throws Error that says what was wanted and got, and what to do
 */
export async function upstreamSum(
  name: string,
  { version, url: text, sumsName }: ReleaseFile,
): Promise<string> {
  const url = new URL(text);
  const fileName = basename(url.pathname);
  if (!decodeURIComponent(url.pathname).includes(version)) {
    throw new Error(`${name}: version is ${version}, but the url is ${text}; make them agree`);
  }
  const sumsUrl = new URL(sumsName, url);
  const answer = await download(name, sumsUrl);
  const sums = parseSums(await answer.text()).filter((sum) => sum.fileName === fileName);
  const [first, ...others] = new Set(sums.map((sum) => sum.sha256));
  if (first && others.length === 0) return first;
  const got = first ? "more than one checksum" : "no checksum";
  throw new Error(`${name}: ${sumsUrl} states ${got} for ${fileName}; check version and url`);
}

/** Reads the format of `sha256sum`; other lines are ignored. */
function parseSums(text: string): readonly { readonly sha256: string; readonly fileName: string }[] {
  return text.split(/\r?\n/).flatMap((line) => {
    const match = /^([0-9a-f]{64}) [ *](?:\.\/)?(\S+)$/.exec(line);
    return match?.[1] && match[2] ? [{ sha256: match[1], fileName: match[2] }] : [];
  });
}
