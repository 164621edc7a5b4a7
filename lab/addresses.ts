/**
 * Addresses of the lab's little internet. Every lab has a network namespace of its own, so they are constants:
 * two labs on one machine use the same ones and never meet. All public ranges are reserved for documentation
 * (RFC 5737), so nothing here can be mistaken for a real host.
 */
export const LAB_NET = {
  /** The Hetzner Cloud API, on the namespace's loopback. */
  apiUrl: "http://127.0.0.1:4100/v1",
  apiPort: 4100,
  /** Where artifacts and packages are served from, as the internet would. */
  artifactIp: "192.0.2.1",
  artifactPort: 80,
  /** The stand-in for an AI provider, at the same address. */
  modelPort: 8090,
  /** Object storage, there, too. */
  storageUrl: "http://192.0.2.1:9000",
  storagePort: 9000,
  /** The workstation that runs the program: inside `adminCidrs`. */
  adminIp: "203.0.113.10",
  /** Somebody else on the internet: outside `adminCidrs`. */
  strangerIp: "203.0.113.99",
  /** Public addresses of servers are handed out from here, from .11 on. */
  publicPrefix: "198.51.100",
  /** Hetzner's public gateway, the same on every server. */
  publicGateway: "172.31.1.1",
} as const;
