/** A load balancer's record as HAProxy's configuration. */
import type { BalancerSpec, HealthCheck, ServiceSpec, TargetSpec } from "../cloud/balancers.ts";

/** Names in the process's folder: a socket's whole path may be too long for the kernel. */
export const STATS_SOCKET = "stats.sock";
export const STATE_FILE = "servers.state";

const ALGORITHMS = { round_robin: "roundrobin", least_connections: "leastconn" } as const;

/** True when nobody can be served: without a service, or on neither side. HAProxy does not start then. */
export function isIdle(spec: BalancerSpec): boolean {
  return spec.services.length === 0 || listenAddresses(spec).length === 0;
}

function listenAddresses({ isPublic, publicIp, nic }: BalancerSpec): readonly string[] {
  return [...(isPublic ? [publicIp] : []), ...(nic ? [nic.ip] : [])];
}

/** One configuration for all services, unless it {@link isIdle}. Long-lived connections survive a reload for an hour. */
export function renderConfig(spec: BalancerSpec): string {
  return `${[
    "global",
    // The next process takes the listening sockets over, so that none is closed in between.
    `  stats socket unix@${STATS_SOCKET} mode 600 level admin expose-fd listeners`,
    `  server-state-file ./${STATE_FILE}`,
    "  maxconn 4000",
    "  hard-stop-after 1h",
    "defaults",
    "  mode tcp",
    `  balance ${ALGORITHMS[spec.algorithm]}`,
    "  timeout client 1h",
    "  timeout server 1h",
    "  option clitcpka",
    "  option srvtcpka",
    // A target that refuses is left at once, and another one asked.
    "  retries 2",
    "  option redispatch 1",
    // Or a target that was found dead would be alive again after a reload.
    "  load-server-state-from-file global",
    ...spec.services.flatMap((service) => renderService(spec, service)),
  ].join("\n")}\n`;
}

/** What the statistics call a service and a target of it; see {@link targetOf}. */
function serviceName({ listenPort }: Pick<ServiceSpec, "listenPort">): string {
  return `port_${listenPort}`;
}

/** With the address: one that changes makes it another target, whose state is not known yet. */
function targetName({ server, ip }: TargetSpec): string {
  return `server_${server}_${ip}`;
}

/** The server's id and the port, from names in the statistics. */
export function targetOf(
  service: string,
  target: string,
): { server: number; listenPort: number } | undefined {
  const port = /^port_(\d+)$/.exec(service)?.[1];
  const server = /^server_(\d+)_/.exec(target)?.[1];
  return port && server ? { server: Number(server), listenPort: Number(port) } : undefined;
}

function renderService(spec: BalancerSpec, service: ServiceSpec): readonly string[] {
  const { listenPort, check } = service;
  return [
    `listen ${serviceName(service)}`,
    ...listenAddresses(spec).map((ip) => `  bind ${ip}:${listenPort}`),
    `  timeout connect ${check.timeout}s`,
    `  timeout check ${check.timeout}s`,
    ...renderCheck(check),
    ...spec.targets.map((target) => renderTarget(spec, service, target)),
  ];
}

function renderCheck({ http }: HealthCheck): readonly string[] {
  if (http === undefined) return [];
  const host = http.domain === "" ? "ver HTTP/1.0" : `ver HTTP/1.1 hdr Host ${quoted(http.domain)}`;
  const codes = http.statusCodes.map((code) => code.replaceAll("?", "."));
  return [
    "  option httpchk",
    `  http-check send meth GET uri ${quoted(http.path)} ${host}`,
    `  http-check expect rstatus ${quoted(`^(${codes.join("|")})$`)}`,
    ...(http.response === "" ? [] : [`  http-check expect string ${quoted(http.response)}`]),
  ];
}

function renderTarget(spec: BalancerSpec, service: ServiceSpec, target: TargetSpec): string {
  const { check, destinationPort, proxyProtocol } = service;
  const source = target.isPrivate && spec.nic ? spec.nic.ip : spec.publicIp;
  const times = Math.max(1, check.retries);
  return [
    `  server ${targetName(target)} ${target.ip}:${destinationPort} source ${source}`,
    `check port ${check.port} inter ${check.interval}s fall ${times} rise ${times}`,
    ...(check.http?.tls ? ["check-ssl verify none"] : []),
    ...(proxyProtocol ? ["send-proxy-v2"] : []),
  ].join(" ");
}

/** The records hold neither line ends nor other control characters. */
function quoted(text: string): string {
  return `"${text.replace(/[\\"$]/g, "\\$&")}"`;
}
