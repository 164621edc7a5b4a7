/** Debian packages that the bundles and scripts on the nodes rely on; the lab's package source holds exactly these. */
export const NODE_PACKAGES = [
  "ca-certificates",
  "chrony",
  "curl",
  "jq",
  "nftables",
  "unattended-upgrades",
] as const;
