import * as pulumi from "@pulumi/pulumi";
import { readRepositoryFile } from "../../lib/repository-file.ts";
import { BASELINE_PACKAGES } from "../../plan/packages.ts";
import type { Bundle } from "./bundle.ts";
import { applyBundle, runOncePerServer } from "./command.ts";
import type { NodeHost } from "./node-host.ts";
import {
  APT_KEY_PATH,
  type AptSourceText,
  type HostFirewall,
  renderAptSource,
  renderAuthorizedKeys,
  renderFirewall,
} from "./render.ts";

/** A new machine, reachable with its one-time host key only. */
export interface FreshHost {
  /** Pins the one-time host key that cloud-init installed. */
  readonly bootstrap: NodeHost;
  /** Pins the final host key. */
  readonly host: NodeHost;
  /** Final ED25519 host key, OpenSSH format. Secret. */
  readonly hostKey: pulumi.Input<string>;
  /** The attachment to the private network: roles bind to that address. */
  readonly attachment: pulumi.Resource;
}

export interface OsBaselineArgs {
  readonly hosts: Readonly<Record<string, FreshHost>>;
  /** Public key the program itself logs in with. */
  readonly deployKey: pulumi.Input<string>;
  /** Public keys of people, by name. */
  readonly authorizedKeys: Readonly<Record<string, string>>;
  /** Package source with its key. @default - the image's own */
  readonly apt?: AptSourceText & { readonly key: string };
  readonly firewall: HostFirewall;
}

export interface ReadyHost {
  readonly host: NodeHost;
  readonly after: readonly pulumi.Resource[];
}

const file = (path: string, source: string, mode = "0644") => ({
  path,
  mode,
  content: readRepositoryFile(`files/baseline/${source}`),
});

function packagesBundle(apt: OsBaselineArgs["apt"]): Bundle {
  const source = apt && [
    { path: APT_KEY_PATH, content: apt.key },
    { path: "/etc/apt/sources.list.d/gardenos.sources", content: renderAptSource(apt) },
  ];
  return { name: "packages", files: [file("/etc/apt/apt.conf.d/60gardenos", "apt.conf"), ...(source ?? [])] };
}

function baselineBundle(args: OsBaselineArgs): Bundle<pulumi.Input<string>> {
  return {
    name: "baseline",
    packages: BASELINE_PACKAGES,
    files: [
      file("/etc/ssh/sshd_config.d/10-gardenos.conf", "sshd.conf"),
      file("/etc/sysctl.d/60-gardenos.conf", "sysctl.conf"),
      file("/etc/systemd/journald.conf.d/gardenos.conf", "journald.conf"),
      file("/usr/local/lib/gardenos/wait-address", "wait-address.sh", "0755"),
      {
        path: "/root/.ssh/authorized_keys",
        mode: "0600",
        content: pulumi.output(args.deployKey).apply((key) => renderAuthorizedKeys(key, args.authorizedKeys)),
      },
    ],
    units: [
      { name: "ssh.service", action: "reload", watches: ["/etc/ssh/sshd_config.d"] },
      { name: "systemd-sysctl.service", action: "restart", watches: ["/etc/sysctl.d"] },
      { name: "systemd-journald.service", action: "restart", watches: ["/etc/systemd/journald.conf.d"] },
      { name: "chrony.service", action: "restart", watches: ["/etc/chrony"] },
    ],
    hooks: {
      validate: readRepositoryFile("files/baseline/validate.sh"),
      health: readRepositoryFile("files/baseline/health.sh"),
    },
  };
}

function firewallBundle(firewall: HostFirewall): Bundle {
  return {
    name: "firewall",
    files: [
      { path: "/etc/gardenos/firewall.nft", content: renderFirewall(firewall) },
      file("/etc/systemd/system/gardenos-firewall.service", "firewall.service"),
    ],
    units: [{ name: "gardenos-firewall.service", action: "reload" }],
    hooks: { validate: readRepositoryFile("files/baseline/firewall-validate.sh") },
  };
}

/**
 * Turns fresh machines into hosts: final SSH host key, package source, packages, sshd, journal limits, sysctls,
 * time, security updates, host firewall. Nodes are worked on in parallel.
 */
export class OsBaseline extends pulumi.ComponentResource {
  private readonly ready: Readonly<Record<string, ReadyHost>>;

  constructor(name: string, args: OsBaselineArgs, opts?: pulumi.ComponentResourceOptions) {
    super("gardenos:infra:OsBaseline", name, {}, opts);
    this.ready = Object.fromEntries(
      Object.entries(args.hosts).map(([key, fresh]) => [
        key,
        { host: fresh.host, after: this.configure(key, fresh, args) },
      ]),
    );
    this.registerOutputs({});
  }

  /** A host with what must be done on it before any role. */
  host(key: string): ReadyHost {
    const ready = this.ready[key];
    if (!ready) throw new pulumi.ResourceError(`baseline: no host ${key}`, this, true);
    return ready;
  }

  private configure(key: string, fresh: FreshHost, args: OsBaselineArgs): readonly pulumi.Resource[] {
    const { host } = fresh;
    const identity = runOncePerServer(
      `${key}-identity`,
      { host: fresh.bootstrap, script: readRepositoryFile("files/host/identity.sh"), stdin: fresh.hostKey },
      { parent: this },
    );
    const packages = applyBundle(
      `${key}-packages`,
      { host, bundle: packagesBundle(args.apt) },
      { parent: this, dependsOn: identity },
    );
    const baseline = applyBundle(
      `${key}-baseline`,
      { host, bundle: baselineBundle(args) },
      { parent: this, dependsOn: packages },
    );
    const firewall = applyBundle(
      `${key}-firewall`,
      { host, bundle: firewallBundle(args.firewall) },
      { parent: this, dependsOn: baseline },
    );
    return [baseline, firewall, fresh.attachment];
  }
}
