import { execFileSync } from "node:child_process";
import { createHash } from "node:crypto";
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { serve } from "@hono/node-server";
import { serveStatic } from "@hono/node-server/serve-static";
import { Hono } from "hono";
import { afterAll, afterEach, beforeAll, describe, expect, it, vi } from "vitest";
import { APT_COMPONENT, APT_SUITE, buildArtifacts, type LabArtifacts } from "../../lab/artifacts/index.ts";
import { ROOTFS_PACKAGES } from "../../lab/artifacts/rootfs.ts";
import { missingTools } from "../../lab/artifacts/tools.ts";
import { parseManifest } from "../../plan/artifacts.ts";
import { VERSIONS } from "../../plan/versions.ts";
import { aptClient } from "./support/apt-client.ts";

/** Real builds, from the shared cache when it has them; minutes when it hasn't. */
const BUILD_MS = 15 * 60_000;
const PACKAGES = ["chrony", "unattended-upgrades", "nftables", "jq", "ca-certificates", "curl"];
const isRoot = process.getuid?.() === 0;
const lacking = [...(isRoot ? [] : ["root"]), ...missingTools().map(({ tool }) => tool)];
const unlessReady = lacking.length > 0 ? ` (skipped: needs ${lacking.join(", ")})` : "";

describe.skipIf(lacking.length > 0)(`the lab's artifacts${unlessReady}`, () => {
  let dir: string;
  let lab: LabArtifacts;

  beforeAll(async () => {
    dir = mkdtempSync(join(tmpdir(), "artifacts-build-"));
    lab = await buildArtifacts({
      outDir: join(dir, "served"),
      packages: PACKAGES,
      onProgress: (line) => console.log(line),
    });
  }, BUILD_MS);

  afterEach(() => void vi.unstubAllEnvs());
  afterAll(() => rmSync(dir, { recursive: true }));

  describe("etcd", () => {
    const folder = `etcd-v${VERSIONS.etcd}-linux-amd64`;
    const tarball = () => join(lab.served, "etcd", `${folder}.tar.gz`);

    it("is what the manifest says", () => {
      const { manifest } = parseManifest(lab.manifestFile, readFileSync(lab.manifestFile, "utf8"));
      expect(manifest?.etcd).toEqual({
        version: VERSIONS.etcd,
        url: `http://192.0.2.1/etcd/${folder}.tar.gz`,
        sha256: createHash("sha256").update(readFileSync(tarball())).digest("hex"),
      });
    });

    it("has upstream's layout and reports the version", () => {
      const listed = execFileSync("tar", ["--list", "--file", tarball()], { encoding: "utf8" });
      const names = ["", "etcd", "etcdctl", "etcdutl"];
      expect(listed.trim().split("\n")).toEqual(names.map((name) => `${folder}/${name}`));
      execFileSync("tar", ["--extract", "--file", tarball(), "--directory", dir]);
      const first = (name: string, arg: string) =>
        execFileSync(join(dir, folder, name), [arg], { encoding: "utf8" }).split("\n")[0];
      expect(first("etcd", "--version")).toBe(`etcd Version: ${VERSIONS.etcd}`);
      expect(first("etcdctl", "version")).toBe(`etcdctl version: ${VERSIONS.etcd}`);
      expect(first("etcdutl", "version")).toBe(`etcdutl version: ${VERSIONS.etcd}`);
    });
  });

  describe("the machines' root file system", () => {
    const text = (path: string) => readFileSync(join(lab.rootfsDir, path), "utf8");
    const list = (path: string) => readdirSync(join(lab.rootfsDir, path));

    it("has the packages the program relies on, their versions recorded beside it", () => {
      const recorded = readFileSync(join(lab.rootfsDir, "../packages.txt"), "utf8");
      const names = recorded.split("\n").map((line) => line.split("\t")[0]);
      expect(names).toEqual(expect.arrayContaining([...ROOTFS_PACKAGES]));
      expect(recorded).toMatch(/^base-files\t13\./m);
    });

    it("has no identity and no package source", () => {
      expect(text("etc/machine-id")).toBe("");
      expect(list("etc/ssh").filter((name) => name.startsWith("ssh_host_"))).toEqual([]);
      expect(existsSync(join(lab.rootfsDir, "etc/hostname"))).toBe(false);
      expect(text("etc/resolv.conf")).toBe("");
      expect(text("etc/apt/sources.list")).toBe("");
      expect(list("etc/apt/sources.list.d")).toEqual([]);
      expect(list("var/lib/apt/lists").sort()).toEqual(["lock", "partial"]);
      expect(text("etc/shadow")).toMatch(/^root:\*:/m);
    });

    it("starts no periodic job", () => {
      const wants = join(lab.rootfsDir, "etc/systemd/system/timers.target.wants");
      expect(existsSync(wants) ? readdirSync(wants) : []).toEqual([]);
    });

    it("looks for its cloud-init seed only, and starts ssh once cloud-init has installed the host keys", () => {
      expect(text("etc/cloud/cloud.cfg.d/90_lab.cfg")).toContain("datasource_list: [NoCloud]");
      expect(text("usr/lib/systemd/system/cloud-init-network.service")).toContain("\nBefore=sshd.service\n");
      expect(text("etc/systemd/system/sshd.service")).toContain("Description=OpenBSD Secure Shell server");
      const initModules = text("etc/cloud/cloud.cfg").split("cloud_config_modules:")[0];
      expect(initModules).toContain("\n - ssh\n");
    });
  });

  describe("the package repository", () => {
    let server: ReturnType<typeof serve>;
    let source: string;

    beforeAll(async () => {
      const app = new Hono().use("*", serveStatic({ root: lab.served }));
      const port = await new Promise<number>((resolve) => {
        server = serve({ fetch: app.fetch, hostname: "127.0.0.1", port: 0 }, (info) => resolve(info.port));
      });
      const uri = `http://127.0.0.1:${port}/debian`;
      source = `deb [signed-by=${lab.aptKeyFile}] ${uri} ${APT_SUITE} ${APT_COMPONENT}`;
    });

    afterAll(() => server.close());

    const client = (name: string, entry = source) =>
      aptClient(mkdtempSync(join(dir, `${name}-`)), lab.rootfsDir, entry);
    const pool = () => join(lab.served, "debian/pool/main");

    it("serves all named packages, verified, with everything the image lacks", async () => {
      const apt = client("good");
      expect(await apt.get("update", "--error-on=any")).toMatchObject({ code: 0 });
      const install = ["install", "--yes", "--no-install-recommends", "--reinstall", "--download-only"];
      expect(await apt.get(...install, ...PACKAGES)).toMatchObject({ code: 0 });
      const debs = (folder: string) => readdirSync(folder).filter((name) => name.endsWith(".deb"));
      expect(debs(apt.archives)).toHaveLength(debs(pool()).length);
    });

    it("is refused with another key", async () => {
      const key = "/usr/share/keyrings/debian-archive-keyring.gpg";
      const { code, output } = await client("key", source.replace(lab.aptKeyFile, key)).get("update");
      expect(code).toBe(100);
      expect(output).toContain("is not signed");
    });

    it("is refused when its index was changed", async () => {
      const file = join(lab.served, "debian/dists/lab/InRelease");
      const signed = readFileSync(file, "utf8");
      writeFileSync(file, signed.replace("Origin: gardenos-lab", "Origin: gardenos-bal"));
      const { code, output } = await client("index").get("update");
      writeFileSync(file, signed);
      expect(code).toBe(100);
      expect(output).toContain("is not signed");
    });

    it("delivers no package that was changed", async () => {
      const apt = client("package");
      await apt.get("update");
      const name = readdirSync(pool()).find((one) => one.startsWith("jq_")) ?? "";
      const bytes = readFileSync(join(pool(), name));
      bytes.writeUInt8(bytes.readUInt8(bytes.length - 1) ^ 1, bytes.length - 1);
      writeFileSync(join(pool(), name), bytes);
      const { code, output } = await apt.get("install", "--yes", "--download-only", "jq");
      expect(code).toBe(100);
      expect(output).toContain("Hash Sum mismatch");
      expect(readdirSync(apt.archives).filter((one) => one.startsWith("jq_"))).toEqual([]);
    });
  });

  it("stops the other builds when one fails, and names it", async () => {
    const bin = mkdtempSync(join(dir, "bin-"));
    const script = '#!/bin/sh\n[ "$1" = env ] && exit 0\necho "go: no network" >&2\nexit 1\n';
    writeFileSync(join(bin, "go"), script, { mode: 0o755 });
    const cacheDir = join(dir, "other-cache");
    vi.stubEnv("PATH", `${bin}:${process.env["PATH"]}`);
    const failing = buildArtifacts({
      cacheDir,
      outDir: join(dir, "never"),
      packages: PACKAGES,
      onProgress: () => undefined,
    });
    await expect(failing).rejects.toThrow(
      "etcd could not be built: go ended with exit status 1\n  go: no network",
    );
    expect(readdirSync(join(cacheDir, "rootfs"))).toEqual([".lock"]);
    expect(existsSync(join(dir, "never"))).toBe(false);
  });
});
