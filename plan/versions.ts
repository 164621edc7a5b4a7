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
  /** The newest of production's minor release that PyPI has; the lab runs it as Supabase's gateway. */
  envoyLab: "1.39.3",
  /** versitygw, the S3 server that the lab runs as its object storage. */
  versitygw: "1.8.0",
  /** Major version of PostgreSQL; the image has the minor that Debian has. */
  postgres: "17",
  /** Patroni in the image of Postgres. */
  patroni: "4.1.5",
  /** Oldest Patroni that is accepted: 4.1.1 can log in to current etcd, 4.1.4 drops replication slots that are lost. */
  patroniFloor: "4.1.4",
  /** PgBouncer, from Debian unstable: stable has no build with the fix that the floor names. */
  pgbouncer: "1.26.1",
  /** Oldest PgBouncer that is accepted: closes CVE-2026-107350, by which one user could log in as any other. */
  pgbouncerFloor: "1.26.1",
  /** Line of HAProxy in the image: Debian's, with Debian's fixes. */
  haproxy: "3.0",
  /** Oldest HAProxy that is accepted: the first of its line with long-term support. */
  haproxyFloor: "3.0",
  /** Counts up with each release of our own images: a tag that was pushed never changes. */
  imageRevision: "1",
  /** Hetzner's image name of the node's operating system. */
  image: "debian-13",
} as const;

const OWN = "ghcr.io/gardenos";
const { postgres, patroni, pgbouncer, haproxy, imageRevision } = VERSIONS;

/** The images that this repository builds (`images/`): name and tag, for the manifest, the lab and the workflow. */
export const IMAGE_NAMES = {
  postgres: `${OWN}/postgres:${postgres}-patroni${patroni}-r${imageRevision}`,
  pgbouncer: `${OWN}/pgbouncer:${pgbouncer}-r${imageRevision}`,
  haproxy: `${OWN}/haproxy:${haproxy}-r${imageRevision}`,
} as const;
