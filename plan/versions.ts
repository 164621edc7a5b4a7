/**
 * Every pinned version, read by the program, the lab and the generated docs. A version change is a change here.
 */
export const VERSIONS = {
  /** etcd on the nodes. The minor is fixed: K3s and Patroni are tested with this line. */
  etcd: "3.6.16",
  /** Oldest etcd that is safe to share with authentication on: closes GHSA-xg4h-6gfc-h4m8 and GHSA-6vch. */
  etcdFloor: "3.6.14",
  /** K3s on the nodes. The lab's own build has no `+k3s1`: it runs the same upstream Kubernetes. */
  k3s: "v1.36.5+k3s1",
  /** Oldest K3s that is accepted: older supervisors answer anonymous callers. */
  k3sFloor: "v1.36.3",
  /** CoreDNS in the lab; production's comes with K3s. */
  coredns: "1.15.0",
  /** Traefik, the ingress controller. The newest line that the lab can build: 3.7 wants a fork that the module proxy lacks. */
  traefik: "3.6.12",
  /** metrics-server, behind `kubectl top` and autoscaling. */
  metricsServer: "0.9.0",
  /** local-path-provisioner, which makes volumes on the nodes' disks. Closes CVE-2025-62878 and CVE-2026-44543. */
  localPathProvisioner: "0.0.37",
  /** The lab's: the newest that the Go module proxy has whole. */
  localPathProvisionerLab: "0.0.30",
  /** Hetzner's image name of the node's operating system. */
  image: "debian-13",
} as const;
