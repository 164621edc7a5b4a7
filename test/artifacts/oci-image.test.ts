import { execFileSync } from "node:child_process";
import {
  chownSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { zstdDecompressSync } from "node:zlib";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import {
  type ImageSource,
  packLayout,
  reference,
  writeImage,
  writeIndex,
} from "../../lab/artifacts/oci-image.ts";
import { missingTools } from "../../lab/artifacts/tools.ts";
import { sha256 } from "../../lib/sha256.ts";

const isRoot = process.getuid?.() === 0;
const lacking = [
  ...(isRoot ? [] : ["root"]),
  ...missingTools().flatMap(({ tool }) =>
    ["tar", "setcap", "setpriv", "unshare"].includes(tool) ? [tool] : [],
  ),
];
const unlessReady = lacking.length > 0 ? ` (skipped: needs ${lacking.join(", ")})` : "";

interface Descriptor {
  readonly digest: string;
  readonly size: number;
  readonly annotations?: Readonly<Record<string, string>>;
}

let dir: string;
let umask: number;

beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), "oci-image-"));
  umask = process.umask();
});

afterEach(() => {
  process.umask(umask);
  rmSync(dir, { recursive: true });
});

function program(text = "#!/bin/sh\n"): string {
  const file = join(mkdtempSync(join(dir, "program-")), "program");
  writeFileSync(file, text);
  return file;
}

const image = (executable = program()) =>
  ({
    name: "docker.io/library/thing:v1.0",
    files: {
      "usr/bin/thing": { executable, capabilities: "cap_net_bind_service=+ep" },
      "etc/passwd": { text: "root:x:0:0:root:/:/bin/sh\n" },
      "bin/other": { link: "/usr/bin/thing" },
      tmp: { folder: 0o1777 },
    },
    config: {
      entrypoint: ["/usr/bin/thing"],
      user: "65534:65534",
      env: { PATH: "/usr/bin" },
      workingDir: "/",
      labels: { title: "thing" },
      exposedPorts: ["53/udp"],
    },
  }) satisfies ImageSource;

/** Writes a whole layout, reads it back. */
async function layout(source: ImageSource) {
  const root = mkdtempSync(join(dir, "layout-"));
  const written = await writeImage(root, source);
  await writeIndex(root, [written]);
  const blob = (digest: string) => join(root, "blobs/sha256", digest.slice("sha256:".length));
  const json = (digest: string) => JSON.parse(readFileSync(blob(digest), "utf8"));
  const index = JSON.parse(readFileSync(join(root, "index.json"), "utf8"));
  const manifest = json(written.digest);
  return { root, written, blob, index, manifest, config: json(manifest.config.digest) };
}

describe.skipIf(lacking.length > 0)(`an OCI image${unlessReady}`, () => {
  it("has the same bytes wherever, whenever and by whomever it is made", async () => {
    const first = await layout(image());
    process.umask(0o077);
    const { files, ...rest } = image();
    const reversed = Object.fromEntries(Object.entries(files).reverse());
    const second = await layout({ ...rest, files: reversed });
    expect(second.written).toEqual(first.written);

    const packed = [first, second].map(({ root }) => ({ root, file: `${root}.tar` }));
    for (const { root, file } of packed) await packLayout(root, file);
    const [one, other] = packed.map(({ file }) => readFileSync(file));
    expect(one?.equals(other ?? Buffer.of())).toBe(true);
  });

  it("has another digest when a program or the way to start it changes", async () => {
    const source = image();
    const { written } = await layout(source);
    const changed = await layout(image(program("#!/bin/sh\nexit 1\n")));
    const started = await layout({ ...source, config: { ...source.config, user: "0" } });
    expect(new Set([written.digest, changed.written.digest, started.written.digest]).size).toBe(3);
  });

  it("describes every blob truly and leaves nothing else", async () => {
    const { root, blob, index, manifest, config } = await layout(image());
    const descriptors: Descriptor[] = [...index.manifests, manifest.config, ...manifest.layers];
    for (const { digest, size } of descriptors) {
      const bytes = readFileSync(blob(digest));
      expect(`sha256:${sha256(bytes)}`).toBe(digest);
      expect(bytes.length).toBe(size);
    }
    const tar = zstdDecompressSync(readFileSync(blob(manifest.layers[0].digest)));
    expect(config.rootfs.diff_ids).toEqual([`sha256:${sha256(tar)}`]);
    expect(readdirSync(root).sort()).toEqual(["blobs", "index.json", "oci-layout"]);
    expect(readdirSync(join(root, "blobs/sha256"))).toHaveLength(3);
  });

  it("is found by its tag and by its digest", async () => {
    const { written, index } = await layout(image());
    const names = index.manifests.map((each: Descriptor) => each.annotations?.["io.containerd.image.name"]);
    expect(names).toEqual(["docker.io/library/thing:v1.0", `docker.io/library/thing@${written.digest}`]);
    expect(reference(written)).toBe(`docker.io/library/thing:v1.0@${written.digest}`);
  });

  it("tells the runtime how to start it", async () => {
    expect((await layout(image())).config.config).toEqual({
      User: "65534:65534",
      ExposedPorts: { "53/udp": {} },
      Env: ["PATH=/usr/bin"],
      Entrypoint: ["/usr/bin/thing"],
      WorkingDir: "/",
      Labels: { title: "thing" },
    });
  });

  it("holds a whole tree with its owners and modes, but no devices", async () => {
    const tree = join(dir, "whole");
    for (const folder of ["home", "dev"]) mkdirSync(join(tree, folder), { recursive: true });
    execFileSync("mknod", [join(tree, "dev/null"), "c", "1", "3"]);
    writeFileSync(join(tree, "home/key"), "secret\n", { mode: 0o600 });
    chownSync(join(tree, "home/key"), 65532, 65532);
    const { name, config } = image();
    const { blob, manifest, written } = await layout({ name, config, tree });
    const tar = zstdDecompressSync(readFileSync(blob(manifest.layers[0].digest)));
    const list = ["--list", "--verbose", "--numeric-owner", "--utc", "--file", "-"];
    const listed = execFileSync("tar", list, { input: tar, encoding: "utf8" }).replaceAll(/ +/g, " ");
    expect(listed).toContain("-rw------- 65532/65532 7 1970-01-01 00:00 home/key\n");
    expect(listed).not.toContain("dev/null");
    expect((await layout({ name, config, tree })).written).toEqual(written);
  });

  it("unpacks to root's files with the modes and capabilities asked for", async () => {
    const { blob, manifest } = await layout(image());
    const tree = join(dir, "tree");
    mkdirSync(tree);
    const unpack = ["--extract", "--file", "-", "--preserve-permissions", "--xattrs", "--xattrs-include=*"];
    const input = zstdDecompressSync(readFileSync(blob(manifest.layers[0].digest)));
    execFileSync("tar", [...unpack, "--directory", tree], { input });
    const seen = (path: string) => {
      const { mode, uid, gid } = statSync(join(tree, path));
      return [(mode & 0o7777).toString(8), uid, gid];
    };
    expect(seen("usr/bin")).toEqual(["755", 0, 0]);
    expect(seen("usr/bin/thing")).toEqual(["755", 0, 0]);
    expect(seen("etc/passwd")).toEqual(["644", 0, 0]);
    expect(seen("tmp")).toEqual(["1777", 0, 0]);
    const capabilities = execFileSync("getcap", [join(tree, "usr/bin/thing")], { encoding: "utf8" });
    expect(capabilities).toContain("cap_net_bind_service=ep");
  });
});
