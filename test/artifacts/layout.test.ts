import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { layOut, type Parts } from "../../lab/artifacts/layout.ts";
import { type Images, parseManifest } from "../../plan/artifacts.ts";
import { MANIFEST } from "../support/settings.ts";

const TARBALL = "etcd-v3.6.16-linux-amd64.tar.gz";
const SHA256 = "0".repeat(64);
const image = (name: string) => `docker.io/library/${name}:1@sha256:${SHA256}`;
const REFERENCES = Object.fromEntries(
  Object.keys(MANIFEST.images).map((name) => [name, image(name.toLowerCase())]),
) as unknown as Images;
let dir: string;
let outDir: string;
let parts: Parts;

beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), "artifacts-layout-"));
  outDir = join(dir, "out");
  const write = (path: string, text: string) => {
    mkdirSync(dirname(join(dir, path)), { recursive: true });
    writeFileSync(join(dir, path), text);
    return join(dir, path);
  };
  const file = write(`cache/etcd/${TARBALL}`, "tarball");
  write("cache/apt/dists/lab/InRelease", "release");
  write("cache/apt/pool/main/jq_1.7_amd64.deb", "package");
  const keyFile = write("cache/apt/lab.asc", "key");
  const k3s = write("cache/k3s/k3s-v1.36.5", "binary");
  const images = write("cache/images/images.tar", "images");
  parts = {
    etcd: { version: "3.6.16", fileName: TARBALL, file, sha256: SHA256 },
    apt: { dir: join(dir, "cache/apt"), keyFile },
    kubernetes: {
      k3s: { version: "v1.36.5", fileName: "k3s-v1.36.5", file: k3s, sha256: SHA256 },
      images: { version: "7", fileName: "images.tar", file: images, sha256: SHA256, references: REFERENCES },
    },
  };
});

afterEach(() => rmSync(dir, { recursive: true }));

function served(): string[] {
  const entries = readdirSync(outDir, { recursive: true, withFileTypes: true });
  return entries
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name).slice(outDir.length))
    .sort();
}

describe("layOut", () => {
  it("makes a folder to serve and a manifest that the program accepts", async () => {
    const layout = await layOut(outDir, parts);
    expect(served()).toEqual([
      "/debian/dists/lab/InRelease",
      "/debian/lab.asc",
      "/debian/pool/main/jq_1.7_amd64.deb",
      `/etcd/${TARBALL}`,
      "/k3s/k3s-v1.36.5",
      "/k3sImages/images.tar",
      "/manifest.json",
    ]);
    expect(readFileSync(layout.aptKeyFile, "utf8")).toBe("key");
    const parsed = parseManifest(layout.manifestFile, readFileSync(layout.manifestFile, "utf8"));
    expect(parsed).toEqual({
      manifest: {
        etcd: { version: "3.6.16", url: `http://192.0.2.1/etcd/${TARBALL}`, sha256: SHA256 },
        k3s: { version: "v1.36.5", url: "http://192.0.2.1/k3s/k3s-v1.36.5", sha256: SHA256 },
        k3sImages: { version: "7", url: "http://192.0.2.1/k3sImages/images.tar", sha256: SHA256 },
        images: REFERENCES,
      },
      problems: [],
    });
  });

  it("makes a manifest with placeholders for a stack that ends with its hosts", async () => {
    const { manifestFile } = await layOut(outDir, { ...parts, kubernetes: undefined });
    const { manifest, problems } = parseManifest(manifestFile, readFileSync(manifestFile, "utf8"));
    expect(problems).toEqual([]);
    expect(manifest?.etcd.url).toContain(TARBALL);
    expect(manifest?.k3s.url).toContain("not-built-yet");
    expect(served()).not.toContain("/k3s/k3s-v1.36.5");
  });

  it("repairs a damaged folder, and damage never reaches the cache", async () => {
    await layOut(outDir, parts);
    writeFileSync(join(outDir, "etcd", TARBALL), "damaged");
    writeFileSync(join(outDir, "etcd/of-last-week.tar.gz"), "old");
    expect(readFileSync(parts.etcd.file, "utf8")).toBe("tarball");
    await layOut(outDir, parts);
    expect(readFileSync(join(outDir, "etcd", TARBALL), "utf8")).toBe("tarball");
    expect(served()).not.toContain("/etcd/of-last-week.tar.gz");
  });
});
