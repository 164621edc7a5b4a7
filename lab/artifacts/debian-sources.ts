/** Where the machines' Debian comes from: the mirrors that the host's own apt uses, at the machines' release. */
import { run } from "./command.ts";

/** Release of the machines. */
export const SUITE = "trixie";

/** Debian's own keys, from the package `debian-archive-keyring`. */
export const KEYRING = "/usr/share/keyrings/debian-archive-keyring.gpg";

/** One package index of the host's apt. */
export interface IndexTarget {
  readonly uri: string;
  /** As written in the host's sources: `bookworm-updates`, `stable`. */
  readonly release: string;
  readonly component: string;
}

/** Names Debian's releases go by in sources; backports and proposed updates are left out on purpose. */
const RELEASE =
  /^(?:oldoldstable|oldstable|stable|testing|unstable|sid|bullseye|bookworm|trixie|forky)(-updates|-security)?$/;

/**
 * Turns the host's sources into apt's one-line entries for the machines' release.
 * @throws Error when the host has no Debian mirror
 */
export function machineSources(targets: readonly IndexTarget[]): readonly string[] {
  const entries = targets.flatMap(({ uri, release, component }) => {
    const match = RELEASE.exec(release);
    if (!match || component !== "main") return [];
    return [`deb [signed-by=${KEYRING}] ${uri} ${SUITE}${match[1] ?? ""} main`];
  });
  const unique = [...new Set(entries)];
  if (unique.some((entry) => entry.endsWith(` ${SUITE} main`))) return unique;
  throw new Error(
    "this machine's apt names no Debian mirror, which the lab's machines are made from; " +
      "add one to /etc/apt/sources.list.d and run `apt-get update`",
  );
}

/** The Debian indexes that the host's apt is set up to read. */
export async function hostTargets(signal?: AbortSignal): Promise<readonly IndexTarget[]> {
  const format = "$(REPO_URI)|$(RELEASE)|$(COMPONENT)|$(ORIGIN)";
  const out = await run({
    tool: "apt-get",
    args: ["indextargets", "--format", format, "Created-By: Packages"],
    signal,
  });
  return out.split("\n").flatMap((line) => {
    const [uri, release, component, origin] = line.split("|");
    // apt leaves the placeholder in place until the first `apt-get update`.
    const debian = origin === "Debian" || origin === "$(ORIGIN)";
    return uri && release && component && debian ? [{ uri, release, component }] : [];
  });
}
