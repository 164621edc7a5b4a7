/** Debian packages that the bundles and scripts on the nodes rely on. */

/** On every node, whatever it does. */
export const BASELINE_PACKAGES = [
  "ca-certificates",
  "chrony",
  "curl",
  "jq",
  "nftables",
  "unattended-upgrades",
] as const;

/** HAProxy, and what talks to its socket. */
export const HAPROXY_PACKAGES = ["haproxy", "socat"] as const;

/** All of them: the lab's package source holds exactly these, with what they need. */
export const NODE_PACKAGES = [...BASELINE_PACKAGES, ...HAPROXY_PACKAGES] as const;
