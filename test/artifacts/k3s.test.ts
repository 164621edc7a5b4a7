import { spawnSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, statSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, describe, expect, it } from "vitest";
import { buildK3s, LAB_K3S_VERSION } from "../../lab/artifacts/k3s.ts";
import { VERSIONS } from "../../plan/versions.ts";

const LAB = join(import.meta.dirname, "../../lab");
const temporary = mkdtempSync(join(tmpdir(), "k3s-test-"));
afterAll(() => rmSync(temporary, { recursive: true }));

describe("the lab's k3s", () => {
  it("is production's Kubernetes without K3s's number", () => {
    expect(VERSIONS.k3s.startsWith(`${LAB_K3S_VERSION}+k3s`)).toBe(true);
    const goMod = readFileSync(join(LAB, "k3s/go.mod"), "utf8");
    expect(goMod).toContain(`k8s.io/kubernetes ${LAB_K3S_VERSION}\n`);
    const staging = [...goMod.matchAll(/^\tk8s\.io\/\S+ => k8s\.io\/\S+ v0\.(\S+)$/gm)].map(
      ([, minor]) => `v1.${minor}`,
    );
    expect(new Set(staging)).toEqual(new Set([LAB_K3S_VERSION]));
  });

  it("ships the CoreDNS that the lab has an image of", () => {
    const manifest = readFileSync(join(LAB, "k3s/internal/deploy/manifests/coredns.yaml"), "utf8");
    expect(manifest).toContain(`image: docker.io/rancher/mirrored-coredns-coredns:${VERSIONS.coredns}\n`);
  });

  it("keeps its tools out of the repository", () => {
    expect(statSync(join(LAB, "k3s/internal/tools/tools.tar.gz")).size).toBe(0);
  });

  it("refuses a version that Kubernetes could not parse, before it builds anything", async () => {
    const options = { cacheDir: temporary, onProgress: () => undefined, log: () => undefined };
    await expect(buildK3s({ ...options, version: "1.36.6+k3s1" })).rejects.toThrow(
      "k3s: version is 1.36.6+k3s1, wanted the form v1.36.5",
    );
  });

  it("runs network tools with the libraries beside them", () => {
    const script = `
      mkdir bin lib libexec; cp "$1" libexec/run
      printf '#!/bin/sh\\necho "$0 $* $LD_LIBRARY_PATH $XTABLES_LIBDIR"\\n' | tee libexec/ipset >libexec/xtables-nft-multi
      chmod +x libexec/*; ln -s ../libexec/run bin/iptables-save; ln -s ../libexec/run bin/ipset
      bin/iptables-save -t nat; bin/ipset list`;
    const wrapper = join(LAB, "artifacts/k3s-tools/run.sh");
    const { stdout } = spawnSync("sh", ["-euc", script, "sh", wrapper], { cwd: temporary, encoding: "utf8" });
    expect(stdout.split("\n")).toEqual([
      "bin/../libexec/xtables-nft-multi iptables-save -t nat bin/../lib bin/../lib/xtables",
      "bin/../libexec/ipset list bin/../lib bin/../lib/xtables",
      "",
    ]);
  });
});
