/** What a new disk holds besides the image: cloud-init's NoCloud seed, and what a machine of the lab needs. */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { stringify } from "yaml";
import type { MachineSpec } from "../cloud/hypervisor.ts";

const SEED_DIR = "var/lib/cloud/seed/nocloud";
const GUEST_DIR = join(import.meta.dirname, "guest");

/** A file of the disk. */
export interface SeedFile {
  /** Relative to the machine's root. */
  readonly path: string;
  readonly text: string;
  readonly mode: number;
}

/**
 * The files of a new disk.
 * @param machineId 32 hex digits; without one, systemd would take the first boot for an installation
 */
export function renderSeed(spec: MachineSpec, machineId: string): readonly SeedFile[] {
  return [
    { path: "etc/machine-id", text: `${machineId}\n`, mode: 0o444 },
    {
      path: `${SEED_DIR}/meta-data`,
      text: stringify({
        "instance-id": String(spec.id),
        "local-hostname": spec.name,
        "public-keys": spec.sshKeys,
      }),
      mode: 0o644,
    },
    // May hold a private key. Must exist, or cloud-init doesn't take the seed for one.
    { path: `${SEED_DIR}/user-data`, text: spec.userData, mode: 0o600 },
    // The hypervisor configures the cards from outside, again at each boot.
    { path: `${SEED_DIR}/network-config`, text: stringify({ network: { config: "disabled" } }), mode: 0o644 },
    guestFile("host-compat.sh", "usr/local/lib/lab/host-compat.sh", 0o755),
    guestFile("lab-host-compat.service", "etc/systemd/system/lab-host-compat.service", 0o644),
    guestFile("sysinit.conf", "etc/systemd/system/sysinit.target.d/lab.conf", 0o644),
  ];
}

/** A file of the folder `guest`. */
function guestFile(name: string, path: string, mode: number): SeedFile {
  return { path, text: readFileSync(join(GUEST_DIR, name), "utf8"), mode };
}
