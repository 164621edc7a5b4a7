/** Pure text of a K3s server: configuration, hardening files, unit, what the scripts on the node must know. */
import { stringify } from "yaml";
import { renderEnv } from "../../lib/env-file.ts";
import { EVICTION_MIB, RESERVED_MIB } from "../../plan/capacity.ts";
import { PORTS } from "../../plan/ports.ts";

/** A server as its own configuration sees it. */
export interface K3sServer {
  /** Node key, and the name of the Kubernetes node. */
  readonly name: string;
  readonly ip: string;
}

export interface K3sConfig {
  readonly cis: boolean;
  readonly podCidr: string;
  readonly serviceCidr: string;
  readonly dnsIp: string;
  readonly sans: readonly string[];
  /** etcd's client URLs, this node's own first: the nearest member answers soonest. */
  readonly datastoreEndpoints: readonly string[];
}

const CONFIG_DIR = "/etc/rancher/k3s";
const K3S_DATA = "/var/lib/rancher/k3s";

/** Where the bundles put what the configuration names. */
export const PATHS = {
  config: `${CONFIG_DIR}/config.yaml`,
  token: `${CONFIG_DIR}/token`,
  nodePassword: "/etc/rancher/node/password",
  etcdCa: `${CONFIG_DIR}/etcd/ca.crt`,
  etcdCert: `${CONFIG_DIR}/etcd/client.crt`,
  etcdKey: `${CONFIG_DIR}/etcd/client.key`,
  auditPolicy: `${CONFIG_DIR}/audit.yaml`,
  admission: `${CONFIG_DIR}/admission.yaml`,
  eventRateLimit: `${CONFIG_DIR}/event-rate-limit.yaml`,
  auditLogs: `${K3S_DATA}/server/logs`,
  tls: `${K3S_DATA}/server/tls`,
  images: `${K3S_DATA}/agent/images`,
  unit: "/etc/systemd/system/k3s.service",
  script: "/usr/local/lib/gardenos/k3s-node",
  env: "/etc/gardenos/k3s.env",
} as const;

/** Folder of one release's binary; another release gets another folder. */
export function k3sDirectory(version: string): string {
  return `/opt/k3s-${version}`;
}

/** What K3s would ship and the program ships itself, pinned and the same everywhere; and what it has no use for. */
const DISABLED = ["traefik", "servicelb", "local-storage", "metrics-server"];

/**
 * Seconds after which a silent node counts as lost, and after which its pods are made anew elsewhere. Kubernetes' own
 * values (50 and 300) are for clusters where a replacement is dear.
 */
const NODE_GRACE_SECONDS = 20;
const EVICTION_SECONDS = 30;

/** `kube-apiserver` arguments; the API server may not compact etcd, which it shares and has no right to compact. */
const API_SERVER_ARGS = [
  "etcd-compaction-interval=0",
  `default-not-ready-toleration-seconds=${EVICTION_SECONDS}`,
  `default-unreachable-toleration-seconds=${EVICTION_SECONDS}`,
  // Moves a connection now and then, so that a server that came back gets its share of clients again.
  "goaway-chance=0.001",
];

/** K3s's hardening guide (docs.k3s.io, "CIS Hardening Guide"). */
const CIS_API_SERVER_ARGS = [
  "enable-admission-plugins=NodeRestriction,EventRateLimit",
  `admission-control-config-file=${PATHS.admission}`,
  `audit-policy-file=${PATHS.auditPolicy}`,
  `audit-log-path=${PATHS.auditLogs}/audit.log`,
  "audit-log-maxage=30",
  "audit-log-maxbackup=10",
  "audit-log-maxsize=100",
  "service-account-extend-token-expiration=false",
];

/** Modern suites only (Go's TLS 1.3 ones are always on). */
const TLS_SUITES = [
  "TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256",
  "TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384",
  "TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256",
  "TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256",
  "TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384",
].join(",");

const KUBELET_ARGS = [
  `system-reserved=memory=${RESERVED_MIB.system}Mi`,
  `kube-reserved=memory=${RESERVED_MIB.kube}Mi`,
  `eviction-hard=memory.available<${EVICTION_MIB}Mi,nodefs.available<5%,imagefs.available<5%`,
];
const CIS_KUBELET_ARGS = ["streaming-connection-idle-timeout=5m", `tls-cipher-suites=${TLS_SUITES}`];

/** K3s's configuration file. The same on all servers but for names and addresses, as K3s demands. */
export function renderConfig(self: K3sServer, config: K3sConfig): string {
  const { cis, podCidr, serviceCidr, dnsIp, sans, datastoreEndpoints } = config;
  return stringify(
    {
      "node-name": self.name,
      "node-ip": self.ip,
      "advertise-address": self.ip,
      "https-listen-port": PORTS.k3s.port,
      "flannel-backend": "vxlan",
      "cluster-cidr": podCidr,
      "service-cidr": serviceCidr,
      "cluster-dns": dnsIp,
      "tls-san": [...sans],
      "token-file": PATHS.token,
      "datastore-endpoint": datastoreEndpoints.join(","),
      "datastore-cafile": PATHS.etcdCa,
      "datastore-certfile": PATHS.etcdCert,
      "datastore-keyfile": PATHS.etcdKey,
      disable: DISABLED,
      "disable-cloud-controller": true,
      "disable-helm-controller": true,
      "secrets-encryption": true,
      "write-kubeconfig-mode": "0600",
      "protect-kernel-defaults": true,
      "kube-apiserver-arg": [...API_SERVER_ARGS, ...(cis ? CIS_API_SERVER_ARGS : [])],
      "kube-controller-manager-arg": [
        `node-monitor-grace-period=${NODE_GRACE_SECONDS}s`,
        ...(cis ? ["terminated-pod-gc-threshold=10"] : []),
      ],
      "kubelet-arg": [...KUBELET_ARGS, ...(cis ? CIS_KUBELET_ARGS : [])],
    },
    { lineWidth: 0 },
  );
}

/** What a server is asked and by whom, without bodies: secrets must not end up in a log. */
export function renderAuditPolicy(): string {
  return stringify({
    apiVersion: "audit.k8s.io/v1",
    kind: "Policy",
    omitStages: ["RequestReceived"],
    rules: [{ level: "Metadata" }],
  });
}

export function renderAdmission(): string {
  return stringify({
    apiVersion: "apiserver.config.k8s.io/v1",
    kind: "AdmissionConfiguration",
    plugins: [{ name: "EventRateLimit", path: PATHS.eventRateLimit }],
  });
}

export function renderEventRateLimit(): string {
  return stringify({
    apiVersion: "eventratelimit.admission.k8s.io/v1alpha1",
    kind: "Configuration",
    limits: [{ type: "Server", qps: 5000, burst: 20_000 }],
  });
}

/**
 * The unit. It wants etcd and does not require it: a member that restarts must not stop an API that two others can
 * serve. Pods outlive a restart of K3s (`KillMode=process`); `stop-pods` ends them only when the machine goes down.
 */
export function renderUnit(version: string): string {
  return [
    "[Unit]",
    "Description=K3s: Kubernetes control plane and kubelet",
    "Documentation=https://docs.k3s.io/",
    "Wants=network-online.target etcd.service",
    "After=network-online.target etcd.service gardenos-firewall.service",
    "StartLimitIntervalSec=0",
    "",
    "[Service]",
    "Type=notify",
    `ExecStartPre=${PATHS.script} prepare`,
    `ExecStart=${k3sDirectory(version)}/k3s server`,
    `ExecStopPost=-${PATHS.script} stop-pods`,
    "KillMode=process",
    "Delegate=yes",
    "Restart=always",
    "RestartSec=2",
    "TimeoutStartSec=0",
    "LimitNOFILE=1048576",
    "LimitNPROC=infinity",
    "LimitCORE=infinity",
    "TasksMax=infinity",
    "",
    "[Install]",
    "WantedBy=multi-user.target",
    "",
  ].join("\n");
}

/** What the script on the node must know. */
export function renderNodeEnv(self: K3sServer, servers: readonly K3sServer[], version: string): string {
  return renderEnv({
    NODE_NAME: self.name,
    NODE_IP: self.ip,
    SERVERS: servers.map(({ name, ip }) => `${name}=${ip}`).join(" "),
    API_PORT: String(PORTS.k3s.port),
    K3S: `${k3sDirectory(version)}/k3s`,
    K3S_VERSION: version,
  });
}

/** `kubectl` for people and scripts on the node, as K3s's installer makes it. */
export function renderKubectl(version: string): string {
  return [
    "#!/bin/sh",
    `export KUBECONFIG="\${KUBECONFIG:-${CONFIG_DIR}/k3s.yaml}"`,
    `exec ${k3sDirectory(version)}/k3s kubectl "$@"`,
    "",
  ].join("\n");
}
