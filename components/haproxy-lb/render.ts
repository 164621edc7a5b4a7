/** Pure text of a node's HAProxy: configuration and the addition to its unit. */
import { shortHash } from "../../lib/sha256.ts";
import type { Plan } from "../../plan/plan.ts";
import { INGRESS_HOST_PORTS, PORTS } from "../../plan/ports.ts";
import { type DatabaseServers, databaseSections } from "./database.ts";
import { CHECK, CONNECTIONS, UNACKNOWLEDGED } from "./limits.ts";
import { defaults, section, sources } from "./text.ts";

/** A node as HAProxy sees it. */
interface HaproxyNode {
  /** Node key: the name of the server in every backend. */
  readonly key: string;
  /** Private address. */
  readonly ip: string;
}

/** Who may connect, beside the nodes themselves. */
export interface HaproxyAccess {
  readonly adminCidrs: readonly string[];
  readonly podCidr: string;
  /** The load balancer's private address: the only one whose PROXY header is read. @default - there is none */
  readonly loadBalancerIp?: string;
}

export interface IngressBackends {
  /** The controller answers `GET /ping` with 200, and with 404 when it is about to stop. */
  readonly ping: boolean;
}

/** Postgres as the nodes' HAProxy leads to it. */
export interface NodeDatabase {
  readonly servers: DatabaseServers;
  /** Networks outside that may connect, beside the nodes. */
  readonly allowedCidrs: readonly string[];
}

export interface HaproxyConfig {
  /** Private address of the node that this file is for. */
  readonly ip: string;
  /** All nodes, in order: each has an ingress pod. */
  readonly nodes: readonly HaproxyNode[];
  /** Nodes with an API server. */
  readonly servers: readonly HaproxyNode[];
  readonly access: HaproxyAccess;
  readonly settings: Plan["haproxy"];
  /** @default - this stack has no ingress, and no front for it */
  readonly ingress?: IngressBackends | undefined;
  /** @default - this stack has no Postgres, and no front for it */
  readonly postgres?: NodeDatabase | undefined;
  readonly stats: { readonly user: string; readonly password: string };
}

/** Folder of the configuration; the check of staged files counts on every file being named by it. */
export const FOLDER = "/etc/haproxy";

/** What the check of an API server presents and trusts, and what the statistics are served with. */
export const PEM = {
  apiCheck: `${FOLDER}/pki/api-check.pem`,
  apiCa: `${FOLDER}/pki/api-ca.pem`,
  postgresCa: `${FOLDER}/pki/postgres-ca.pem`,
  stats: `${FOLDER}/pki/stats.pem`,
} as const;

/** Holds the word `drained` while the operator wants this node out of the load balancer. */
export const DRAIN_LIST = `${FOLDER}/drain.lst`;

/** Name of the API's backend, as `haproxy-node status` has it. */
const API = "kubernetes-api";

const LOCAL = "127.0.0.1";

function global({ settings }: HaproxyConfig, description: string): string {
  return section("global", [
    // Tells whether the running process has read this file: see `haproxy-node healthy`.
    `description ${description}`,
    "log /dev/log local0 info",
    "chroot /var/lib/haproxy",
    "user haproxy",
    "group haproxy",
    "stats socket /run/haproxy/admin.sock user root group root mode 600 level admin expose-fd listeners",
    `hard-stop-after ${settings.hardStopSeconds}s`,
    `maxconn ${CONNECTIONS.api + 2 * CONNECTIONS.ingress + 2 * CONNECTIONS.database + 2 * CONNECTIONS.own}`,
    "ssl-default-bind-options ssl-min-ver TLSv1.2",
    "ssl-default-server-options ssl-min-ver TLSv1.2",
  ]);
}

/** The header is read from the load balancer only; from anybody else it is data, and no API server takes it for TLS. */
const proxyHeader = ({ loadBalancerIp }: HaproxyAccess): string[] =>
  loadBalancerIp ? [`tcp-request connection expect-proxy layer4 if { src ${loadBalancerIp} }`] : [];

function apiFront({ access, nodes }: HaproxyConfig): string {
  return section(`frontend ${API}`, [
    `bind :${PORTS.kubernetesApi.port} ${UNACKNOWLEDGED}`,
    `maxconn ${CONNECTIONS.api}`,
    ...proxyHeader(access),
    // Hetzner's firewall does not cover the load balancer, so clients that come through it are judged here, by the
    // address in their header.
    ...sources("allowed", [LOCAL, ...nodes.map((node) => node.ip), access.podCidr, ...access.adminCidrs]),
    "tcp-request session reject unless allowed",
    `default_backend ${API}`,
  ]);
}

/**
 * All API servers alike: clients keep their connections for hours, so the one with the fewest gets the next. The
 * node's own is not preferred, or all clients of one entry would sit on one server.
 */
function apiBackend({ servers }: HaproxyConfig): string {
  return section(`backend ${API}`, [
    "balance leastconn",
    "option httpchk",
    // A slow etcd is slow for all API servers: taking them all out would help nobody.
    "http-check send meth GET uri /readyz?exclude=etcd&exclude=etcd-readiness ver HTTP/1.1 hdr Host kubernetes",
    "http-check expect status 200",
    `default-server ${CHECK.server} on-marked-down shutdown-sessions ${UNACKNOWLEDGED}`,
    `default-server check-ssl verify required ca-file ${PEM.apiCa} crt ${PEM.apiCheck}`,
    "default-server check-sni kubernetes verifyhost kubernetes",
    ...servers.map(({ key, ip }) => `server ${key} ${ip}:${PORTS.k3s.port}`),
  ]);
}

function ingressFront({ access }: HaproxyConfig, name: "http" | "https"): string {
  return section(`frontend ingress-${name}`, [
    `bind :${PORTS[name].port} ${UNACKNOWLEDGED}`,
    `maxconn ${CONNECTIONS.ingress}`,
    ...proxyHeader(access),
    `default_backend ingress-${name}`,
  ]);
}

/** A pod that is about to stop answers 404 and gets no new connections; one that is gone loses the old ones, too. */
function ingressBackend(
  { nodes }: HaproxyConfig,
  { ping: answersPing }: IngressBackends,
  name: "http" | "https",
): string {
  const ping = [
    "option httpchk",
    "http-check send meth GET uri /ping ver HTTP/1.1 hdr Host ping",
    "http-check expect status 200",
    "http-check disable-on-404",
    `default-server port ${INGRESS_HOST_PORTS.http}`,
  ];
  return section(`backend ingress-${name}`, [
    "balance leastconn",
    ...(answersPing ? ping : []),
    `default-server ${CHECK.server} on-marked-down shutdown-sessions ${UNACKNOWLEDGED}`,
    "default-server send-proxy-v2 check-send-proxy",
    ...nodes.map(({ key, ip }) => `server ${key} ${ip}:${INGRESS_HOST_PORTS[name]}`),
  ]);
}

function ingressSections(config: HaproxyConfig): readonly string[] {
  const { ingress } = config;
  if (!ingress) return [];
  return (["http", "https"] as const).flatMap((name) => [
    ingressFront(config, name),
    ingressBackend(config, ingress, name),
  ]);
}

/** Clients outside, and the nodes. Pods have Services of their own. */
function postgresSections({ postgres, nodes }: HaproxyConfig): readonly string[] {
  if (!postgres) return [];
  const allowed = [LOCAL, ...nodes.map((node) => node.ip), ...postgres.allowedCidrs];
  const front = (port: number) => [
    `bind :${port} ${UNACKNOWLEDGED}`,
    `maxconn ${CONNECTIONS.database}`,
    ...sources("allowed", allowed),
    "tcp-request connection reject unless allowed",
  ];
  return databaseSections({
    servers: postgres.servers,
    caFile: PEM.postgresCa,
    primary: front(PORTS.postgresPrimary.port),
    replica: front(PORTS.postgresReplica.port),
  });
}

/**
 * The password is not hashed: it is forty random characters in a file that only root reads, and every request would
 * pay for the hash in the threads that serve the API.
 */
function stats({ ip, stats: { user, password } }: HaproxyConfig): string {
  return (
    `${section("userlist operators", [`user ${user} insecure-password ${password}`])}\n` +
    section("frontend stats", [
      "mode http",
      "option httplog",
      `bind ${ip}:${PORTS.haproxyStats.port} ssl crt ${PEM.stats} alpn http/1.1`,
      `maxconn ${CONNECTIONS.own}`,
      "timeout client 30s",
      "timeout http-request 5s",
      "http-request auth realm gardenos unless { http_auth(operators) }",
      "http-request use-service prometheus-exporter if { path /metrics }",
      "stats uri /",
      "stats hide-version",
    ])
  );
}

function monitor({ ip, access, nodes }: HaproxyConfig): string {
  const from = [...(access.loadBalancerIp ? [access.loadBalancerIp] : []), ...nodes.map((node) => node.ip)];
  return section("frontend monitor", [
    "mode http",
    "option httplog",
    `bind ${ip}:${PORTS.haproxyMonitor.port}`,
    `maxconn ${CONNECTIONS.own}`,
    "timeout client 10s",
    "timeout http-request 5s",
    ...sources("allowed", from),
    "tcp-request connection reject unless allowed",
    `acl drained str(drained) -f ${DRAIN_LIST}`,
    "monitor-uri /healthz",
    "monitor fail if drained",
    `monitor fail if { nbsrv(${API}) lt 1 }`,
  ]);
}

/** The configuration of one node's HAProxy, for 2.6 and newer. A secret: it has the password of the statistics. */
export function renderHaproxyConfig(config: HaproxyConfig): string {
  const rest = [
    defaults(config.settings),
    apiFront(config),
    apiBackend(config),
    ...ingressSections(config),
    ...postgresSections(config),
    stats(config),
    monitor(config),
  ].join("\n");
  const fingerprint = shortHash(global(config, "") + rest);
  return `${global(config, `gardenos-${fingerprint}`)}\n${rest}`;
}

/** Certificates with their key in one file, as HAProxy reads them. */
export const renderPem = (cert: string, key: string): string => `${cert.trimEnd()}\n${key.trimEnd()}\n`;

/**
 * Addition to Debian's unit, which starts after the network, always restarts, and reloads without closing a port.
 * A change of this text restarts HAProxy and cuts connections, on all nodes at once: keep it as it is.
 */
export function renderDropIn(ip: string): string {
  return [
    "[Unit]",
    "StartLimitIntervalSec=0",
    "",
    "[Service]",
    `ExecStartPre=/usr/local/lib/gardenos/wait-address ${ip}`,
    "TimeoutStartSec=150",
    "Restart=always",
    "RestartSec=1",
    "LimitNOFILE=65536",
    "",
  ].join("\n");
}

/** The seed of the drain list. */
export const EMPTY_DRAIN_LIST = "# Written by haproxy-node drain and ready.\n";
