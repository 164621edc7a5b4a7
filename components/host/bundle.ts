/**
 * A bundle: the files, packages, artifacts and units of one role on one node, as plain data. files/host/apply.sh
 * applies it; its header describes the format that {@link renderPayload} writes.
 */
import { readRepositoryFile } from "../../lib/repository-file.ts";
import { sha256, shortHash } from "../../lib/sha256.ts";
import { renderTar } from "../../lib/tar.ts";

export interface BundleFile<Text = string> {
  /** Absolute path on the node. */
  readonly path: string;
  readonly content: Text;
  /** Octal. @default "0644" */
  readonly mode?: string;
  /** `user:group`. @default "root:root" */
  readonly owner?: string;
  /** Written only if absent: for material that the node's software changes later. @default false */
  readonly seed?: boolean;
}

interface BundleUnit {
  /** `etcd.service`. */
  readonly name: string;
  /** What to do when a watched path changed. `none`: enable only. */
  readonly action: "restart" | "reload" | "none";
  /** Files or folders that matter to this unit. @default - every file of the bundle */
  readonly watches?: readonly string[];
}

export interface BundleArtifact {
  readonly name: string;
  readonly url: string;
  readonly sha256: string;
  /** Folder that receives it; versioned, because it is replaced whole. */
  readonly directory: string;
  /** Keeps the download as it is, executable, under this name. @default - a tarball, unpacked without its first folder */
  readonly fileName?: string;
}

/** `Text` is `string` for rendering and `Input<string>` in components. */
export interface Bundle<Text = string> {
  readonly name: string;
  readonly files: readonly BundleFile<Text>[];
  readonly packages?: readonly string[];
  /** System users, with their home. */
  readonly users?: readonly { readonly name: string; readonly home: string }[];
  readonly directories?: readonly { readonly path: string; readonly mode: string; readonly owner: string }[];
  readonly artifacts?: readonly BundleArtifact[];
  /** A unit may be there twice: the first one that has something to do counts. */
  readonly units?: readonly BundleUnit[];
  readonly hooks?: BundleHooks;
}

/** Executables of the bundle, as text of static files. Each exits 0 for yes. */
interface BundleHooks {
  /** Checks the staged files under `$STAGED` before anything is swapped. */
  readonly validate?: string;
  /** Says whether a change may happen now; for example whether quorum survives. Runs only if something changes. */
  readonly gate?: string;
  /** Is repeated after the swap until it passes or time is up; then the earlier files come back. */
  readonly health?: string;
  /** Seconds. @default 60 */
  readonly healthTimeout?: number;
}

const lines = (rows: readonly string[]): string => rows.map((row) => `${row}\n`).join("");

/** Values go into space- or tab-separated tables, so white space in them is a bug of the caller. */
function row(separator: string, ...fields: readonly string[]): string {
  const bad = fields.find((field) => field === "" || /\s/.test(field));
  if (bad !== undefined) throw new Error(`white space or nothing in a bundle's field: "${bad}"`);
  return fields.join(separator);
}

function fileTable(bundle: Bundle): string {
  return lines(
    bundle.files.map((file, i) =>
      row(
        "\t",
        file.path,
        file.mode ?? "0644",
        file.owner ?? "root:root",
        file.seed ? "yes" : "no",
        sha256(file.content),
        String(i),
      ),
    ),
  );
}

function tables(bundle: Bundle): Record<string, string> {
  return {
    name: bundle.name,
    packages: lines(bundle.packages ?? []),
    users: lines((bundle.users ?? []).map((u) => row(" ", u.name, u.home))),
    directories: lines((bundle.directories ?? []).map((d) => row(" ", d.path, d.mode, d.owner))),
    artifacts: lines(
      (bundle.artifacts ?? []).map((a) => row(" ", a.name, a.url, a.sha256, a.directory, a.fileName ?? "-")),
    ),
    "files.tsv": fileTable(bundle),
    "units.tsv": lines(
      (bundle.units ?? []).map((u) => `${row("\t", u.name, u.action)}\t${(u.watches ?? []).join(" ")}`),
    ),
    "health-timeout": String(bundle.hooks?.healthTimeout ?? 60),
  };
}

/** The bundle as base64 of a tar, byte for byte the same for the same bundle. */
export function renderPayload(bundle: Bundle): string {
  const hooks = (["validate", "gate", "health"] as const).flatMap((name) => {
    const data = bundle.hooks?.[name];
    return data ? [{ name: `hooks/${name}`, data, attrs: { mode: "700" } }] : [];
  });
  const attrs = { mode: "600", mtime: 0, uid: 0, gid: 0 };
  const entries = [
    { name: "apply", data: readRepositoryFile("files/host/apply.sh") },
    ...Object.entries(tables(bundle)).map(([name, data]) => ({ name, data })),
    ...bundle.files.map((file, i) => ({ name: `content/${i}`, data: file.content })),
    ...hooks,
    { name: "complete", data: "" },
  ];
  const tar = renderTar(
    entries.map((entry) => ({ ...entry, attrs: { ...attrs, ...("attrs" in entry && entry.attrs) } })),
  );
  return tar.toString("base64");
}

/**
 * The command's text: comment lines that name what the bundle does, then the launcher. A preview's diff of this
 * text shows which file changes; a new server id makes the bundle run again on a rebuilt server.
 */
export function renderScript(bundle: Bundle, serverId: string): string {
  const parts = [
    ...(bundle.packages ?? []).map((name) => `package ${name}`),
    ...(bundle.artifacts ?? []).map((a) => `artifact ${a.name} ${a.sha256.slice(0, 12)}`),
    ...bundle.files.map((file) => `${file.path} ${shortHash(file.content)}`),
    ...(["validate", "gate", "health"] as const).flatMap((name) => {
      const text = bundle.hooks?.[name];
      return text ? [`hook ${name} ${shortHash(text)}`] : [];
    }),
  ];
  const header = [`# bundle ${bundle.name}`, `# server ${serverId}`, ...parts.map((part) => `# ${part}`)];
  return `${header.join("\n")}\n\n${readRepositoryFile("files/host/launch.sh")}`;
}
