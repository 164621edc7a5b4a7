/** Pure text of an etcd member: environment files, unit, client wrapper. */
import { renderEnv } from "../../lib/env-file.ts";
import { PORTS } from "../../plan/ports.ts";

export interface EtcdMember {
  readonly name: string;
  readonly ip: string;
}

export interface EtcdSettings {
  readonly quotaBytes: number;
  readonly heartbeatMs: number;
  readonly electionMs: number;
}

const CLIENT = PORTS.etcdClient.port;
const PEER = PORTS.etcdPeer.port;
const METRICS = PORTS.etcdMetrics.port;

/** Where the bundle puts keys and certificates. */
export const PKI = "/etc/etcd/pki";

/** What signs tokens: the same key on every member. */
export const TOKEN_KEY = `${PKI}/token.key`;

/**
 * Signed tokens instead of etcd's default, which each member only remembers: a member that restarts refuses Patroni's, and Patroni
 * takes that for a lost lock (ADR 0016). A token is not renewed by use, so each day's first call after its end logs in again.
 */
const AUTH_TOKEN = `jwt,priv-key=${TOKEN_KEY},sign-method=ES256,ttl=24h`;

/** Folder of one version's binaries; another version gets another folder. */
export const etcdDirectory = (version: string): string => `/opt/etcd-${version}`;

/** URL that clients use for a member. */
export const clientUrl = (ip: string): string => `https://${ip}:${CLIENT}`;

/**
 * The member's configuration. An environment file, because with a YAML file etcd ignores flags and wants durations
 * in nanoseconds. What only matters at the first start (`ETCD_INITIAL_*`) is written by the join on the node.
 */
export function renderEtcdEnv(self: EtcdMember, settings: EtcdSettings): string {
  return renderEnv({
    ETCD_NAME: self.name,
    ETCD_DATA_DIR: "/var/lib/etcd",
    ETCD_LISTEN_CLIENT_URLS: `${clientUrl(self.ip)},https://127.0.0.1:${CLIENT}`,
    ETCD_ADVERTISE_CLIENT_URLS: clientUrl(self.ip),
    ETCD_LISTEN_PEER_URLS: `https://${self.ip}:${PEER}`,
    ETCD_INITIAL_ADVERTISE_PEER_URLS: `https://${self.ip}:${PEER}`,
    ETCD_LISTEN_METRICS_URLS: `http://${self.ip}:${METRICS},http://127.0.0.1:${METRICS}`,
    ETCD_CERT_FILE: `${PKI}/server.crt`,
    ETCD_KEY_FILE: `${PKI}/server.key`,
    ETCD_CLIENT_CERT_AUTH: "true",
    ETCD_TRUSTED_CA_FILE: `${PKI}/client-ca.crt`,
    ETCD_PEER_CERT_FILE: `${PKI}/peer.crt`,
    ETCD_PEER_KEY_FILE: `${PKI}/peer.key`,
    ETCD_PEER_CLIENT_CERT_AUTH: "true",
    ETCD_PEER_TRUSTED_CA_FILE: `${PKI}/peer-ca.crt`,
    ETCD_AUTH_TOKEN: AUTH_TOKEN,
    ETCD_TLS_MIN_VERSION: "TLS1.2",
    ETCD_HEARTBEAT_INTERVAL: String(settings.heartbeatMs),
    ETCD_ELECTION_TIMEOUT: String(settings.electionMs),
    ETCD_QUOTA_BACKEND_BYTES: String(settings.quotaBytes),
    // The apiserver of K3s may not compact (that needs root), so etcd does.
    ETCD_AUTO_COMPACTION_MODE: "periodic",
    ETCD_AUTO_COMPACTION_RETENTION: "1h",
    ETCD_FEATURE_GATES: "InitialCorruptCheck=true,CompactHashCheck=true",
    ETCD_COMPACT_HASH_CHECK_TIME: "1m",
    ETCD_LOG_LEVEL: "warn",
  });
}

/** What the scripts on the node must know of the cluster. */
export function renderMemberEnv(
  self: EtcdMember,
  members: readonly EtcdMember[],
  clusterToken: string,
): string {
  return renderEnv({
    MEMBER_NAME: self.name,
    MEMBER_IP: self.ip,
    MEMBERS: members.map((member) => `${member.name}=${member.ip}`).join(" "),
    CLUSTER_TOKEN: clusterToken,
  });
}

/** Environment of `etcdctl` as root on a node: `set -a; . /etc/etcd/ctl.env`. */
export function renderCtlEnv(members: readonly EtcdMember[]): string {
  return renderEnv({
    ETCDCTL_ENDPOINTS: members.map((member) => clientUrl(member.ip)).join(","),
    ETCDCTL_CACERT: `${PKI}/client-ca.crt`,
    ETCDCTL_CERT: `${PKI}/root.crt`,
    ETCDCTL_KEY: `${PKI}/root.key`,
  });
}

/** The unit. Restarts for ever: a member that gives up is a member lost. */
export function renderUnit(self: EtcdMember, version: string): string {
  return [
    "[Unit]",
    "Description=etcd",
    "Documentation=https://etcd.io/docs/",
    "Wants=network-online.target",
    "After=network-online.target",
    "StartLimitIntervalSec=0",
    "",
    "[Service]",
    "Type=notify",
    "User=etcd",
    "Group=etcd",
    "EnvironmentFile=/etc/etcd/etcd.env",
    "EnvironmentFile=-/etc/etcd/initial.env",
    `ExecStartPre=/usr/local/lib/gardenos/wait-address ${self.ip}`,
    `ExecStart=${etcdDirectory(version)}/etcd`,
    "Restart=always",
    "RestartSec=2",
    "TimeoutStartSec=120",
    "LimitNOFILE=65536",
    "Nice=-10",
    "IOSchedulingClass=best-effort",
    "IOSchedulingPriority=0",
    "IOWeight=900",
    "NoNewPrivileges=yes",
    "ProtectSystem=strict",
    "ReadWritePaths=/var/lib/etcd",
    "ProtectHome=yes",
    "PrivateTmp=yes",
    "",
    "[Install]",
    "WantedBy=multi-user.target",
    "",
  ].join("\n");
}

/** Puts a versioned binary on the PATH of people and scripts. */
export function renderWrapper(binary: "etcdctl" | "etcdutl", version: string): string {
  return `#!/bin/sh\nexec ${etcdDirectory(version)}/${binary} "$@"\n`;
}
