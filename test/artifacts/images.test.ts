import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { afterAll, beforeAll, describe, expect, it, vi } from "vitest";
import { tagOf } from "../../lab/artifacts/busybox.ts";
import { buildGoProgram } from "../../lab/artifacts/go-program.ts";
import { busyboxImage, PROGRAM_IMAGES, type ProgramImage } from "../../lab/artifacts/image-recipes.ts";
import { missingTools } from "../../lab/artifacts/tools.ts";
import { IMAGE_NAMES, VERSIONS } from "../../plan/versions.ts";

const ROOT = join(import.meta.dirname, "../..");
const isRoot = process.getuid?.() === 0;
const lacking = [...(isRoot ? [] : ["root"]), ...missingTools().map(({ tool }) => tool)];
const unlessReady = lacking.length > 0 ? ` (skipped: needs ${lacking.join(", ")})` : "";
const recipes: readonly ProgramImage[] = Object.values(PROGRAM_IMAGES);

describe("the lab's images", () => {
  it("bear the names that K3s and the program ask for", () => {
    expect(recipes.map(({ name }) => name).sort()).toEqual([
      `docker.io/library/traefik:v${VERSIONS.traefik}`,
      `docker.io/rancher/local-path-provisioner:v${VERSIONS.localPathProvisionerLab}`,
      `docker.io/rancher/mirrored-coredns-coredns:${VERSIONS.coredns}`,
      "docker.io/rancher/mirrored-pause:3.6",
      `registry.k8s.io/metrics-server/metrics-server:v${VERSIONS.metricsServer}`,
    ]);
  });

  it("are production's, but for the one that the module proxy has no newer version of", () => {
    const { images } = JSON.parse(readFileSync(join(ROOT, "artifacts/upstream.json"), "utf8"));
    const withoutDigest = (reference: string) => reference.split("@")[0];
    expect(withoutDigest(images.traefik)).toBe(PROGRAM_IMAGES.traefik.name);
    expect(withoutDigest(images.metricsServer)).toBe(PROGRAM_IMAGES.metricsServer.name);
    const [provisioner] = PROGRAM_IMAGES.localPathProvisioner.name.split(":");
    expect(withoutDigest(images.localPathProvisioner)).toBe(
      `${provisioner}:v${VERSIONS.localPathProvisioner}`,
    );
    for (const [name, reference] of Object.entries(IMAGE_NAMES))
      expect(withoutDigest(images[name])).toBe(reference);
  });

  it.each(recipes.flatMap(({ program }) => (program.module ? [{ ...program, module: program.module }] : [])))(
    "$name is compiled from $module $version",
    ({ name, module, version }) => {
      const text = readFileSync(join(ROOT, "lab/artifacts/go", name, "go.mod"), "utf8");
      expect(text.split("\n").map((line) => line.trim())).toContain(`${module} v${version} // indirect`);
    },
  );
});

describe("busybox", () => {
  it.each([
    ["1:1.37.0-6+b9", "1.37.0-6-b9"],
    ["2.0~rc1-1", "2.0-rc1-1"],
  ])("%s becomes the tag %s", (version, tag) => {
    expect(tagOf(version)).toBe(tag);
  });

  it("answers to every applet in /bin, and stays itself", () => {
    const { files } = busyboxImage({ version: "1", file: "/host/busybox", applets: ["busybox", "sh"] });
    expect(files["bin/sh"]).toEqual({ link: "busybox" });
    expect(files["bin/busybox"]).toEqual({ executable: "/host/busybox" });
  });
});

describe.skipIf(lacking.length > 0)(`pause${unlessReady}`, () => {
  let cacheDir: string;
  let pause: string;

  beforeAll(async () => {
    cacheDir = mkdtempSync(join(tmpdir(), "pause-"));
    const { program } = PROGRAM_IMAGES.pause;
    pause = await buildGoProgram(program, { cacheDir, onProgress: () => undefined, log: () => undefined });
  }, 120_000);

  afterAll(() => rmSync(cacheDir, { recursive: true }));

  it.each(["SIGTERM", "SIGINT"] as const)(
    "collects dead children and ends by itself on %s",
    async (signal) => {
      const child = spawn("sh", ["-c", 'sleep 0.05 & echo $!; exec "$0"', pause], {
        stdio: ["ignore", "pipe", "inherit"],
      });
      const ended = once(child, "exit");
      const [line] = await once(createInterface({ input: child.stdout }), "line");
      // A zombie still answers to signal 0.
      await vi.waitFor(() => expect(() => process.kill(Number(line), 0)).toThrow("ESRCH"), {
        timeout: 10_000,
      });
      expect(child.exitCode).toBeNull();
      child.kill(signal);
      expect(await ended).toEqual([0, null]);
    },
  );
});
