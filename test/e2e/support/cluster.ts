/** kubectl and clients outside, for tests of a lab with Kubernetes. */
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { repositoryPath } from "../../../lib/repository-file.ts";
import type { Manifest } from "../../../plan/artifacts.ts";
import type { Checkout, Outcome } from "./checkout.ts";

/** The workstation, inside `adminCidrs`, and somebody else. */
export const CLIENTS = { admin: "203.0.113.10", stranger: "203.0.113.99" } as const;

export class Cluster {
  readonly lab: Checkout;

  constructor(lab: Checkout) {
    this.lab = lab;
  }

  /** kubectl with the exported kubeconfig, through the entry. */
  kubectl(...args: readonly string[]): Promise<Outcome> {
    return this.lab.lab("kubectl", ...args);
  }

  /** The same; it must succeed. Standard output, trimmed. */
  async get(...args: readonly string[]): Promise<string> {
    return (await this.lab.must("kubectl", ...args)).trim();
  }

  /** Applies a file of `test/e2e/manifests`, with the lab's image in place of BUSYBOX. */
  async apply(file: string): Promise<void> {
    const manifest = JSON.parse(
      readFileSync(join(this.lab.dir, ".lab/artifacts/manifest.json"), "utf8"),
    ) as Manifest;
    const text = readFileSync(repositoryPath(`test/e2e/manifests/${file}`), "utf8");
    const copy = join(this.lab.dir, ".lab", file);
    writeFileSync(copy, text.replaceAll("BUSYBOX", manifest.images.busybox));
    await this.get("apply", "-f", copy);
  }

  /** Runs a command in a pod of the namespace `apps`. */
  inPod(pod: string, ...argv: readonly string[]): Promise<Outcome> {
    return this.kubectl("-n", "apps", "exec", pod, "--", ...argv);
  }

  /** curl from an address of the internet; the answer's body, or nothing where there is none. */
  curl(from: keyof typeof CLIENTS, ...args: readonly string[]): Promise<Outcome> {
    return this.lab.lab(
      "exec",
      "--",
      "curl",
      "-sk",
      "--max-time",
      "5",
      "--interface",
      CLIENTS[from],
      ...args,
    );
  }

  /** Address that clients outside use. */
  async entry(): Promise<string> {
    const server = await this.get(
      "config",
      "view",
      "--minify",
      "-o",
      "jsonpath={.clusters[0].cluster.server}",
    );
    return new URL(server).hostname;
  }
}
