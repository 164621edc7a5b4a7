/**
 * Patroni's configuration as plain values: what each member starts with, and what all members share in etcd.
 * Keys and rules: patroni.readthedocs.io, "YAML Configuration Settings" and "Dynamic Configuration Settings", 4.1.
 */

import { fromNumber, nthAddress, prefixLength } from "../../lib/cidr.ts";
import { POSTGRES, type PostgresPlan } from "../../plan/postgres.ts";
import { PARAMETERS } from "../../plan/postgres-parameters.ts";
import type { ParameterValue } from "../../plan/postgres-values.ts";

/** Folders of a member's pod. */
export const PATHS = {
  /** The volume; the data lies in a folder of it, because Postgres wants to own and close that one. */
  volume: "/var/lib/postgresql",
  data: "/var/lib/postgresql/data",
  sockets: "/run/postgresql",
  config: "/etc/patroni",
  tls: "/etc/postgres-tls",
  etcd: "/etc/patroni-etcd",
} as const;

const TLS = { ca: `${PATHS.tls}/ca.crt`, cert: `${PATHS.tls}/tls.crt`, key: `${PATHS.tls}/tls.key` } as const;
const BINARIES = "/usr/lib/postgresql/17/bin";

/** What only members know. */
export interface PatroniSecrets {
  readonly etcdPassword: string;
  readonly standbyPassword: string;
  readonly rewindPassword: string;
}

export interface PatroniConfig {
  readonly scope: string;
  /** `10.0.1.11:2379`. */
  readonly etcdHosts: readonly string[];
  readonly secrets: PatroniSecrets;
}

/**
 * `patroni.yml` of every member; its name comes by the environment. It has no `bootstrap` section: a member that finds
 * neither data nor leader waits, and never makes a cluster of its own.
 */
export function patroniConfig({ scope, etcdHosts, secrets }: PatroniConfig): object {
  const tls = { sslmode: "verify-full", sslrootcert: TLS.ca };
  return {
    scope,
    namespace: "/service/",
    log: { level: "INFO" },
    restapi: {
      listen: `0.0.0.0:${POSTGRES.ports.rest}`,
      certfile: TLS.cert,
      keyfile: TLS.key,
      cafile: TLS.ca,
      // Whoever may connect may ask; whoever changes something shows a certificate.
      verify_client: "optional",
    },
    ctl: { cacert: TLS.ca, certfile: TLS.cert, keyfile: TLS.key },
    etcd3: {
      hosts: [...etcdHosts],
      protocol: "https",
      cacert: `${PATHS.etcd}/ca.crt`,
      cert: `${PATHS.etcd}/tls.crt`,
      key: `${PATHS.etcd}/tls.key`,
      username: "patroni",
      password: secrets.etcdPassword,
    },
    postgresql: {
      listen: `0.0.0.0:${POSTGRES.ports.postgres}`,
      data_dir: PATHS.data,
      bin_dir: BINARIES,
      pgpass: "/tmp/pgpass",
      use_unix_socket: true,
      // A member asks itself how far it is; by the network it would have to be called localhost in its certificate.
      use_unix_socket_repl: true,
      authentication: {
        // No password: it logs in by the socket, as the user of the operating system.
        superuser: { username: POSTGRES.superuser },
        replication: { username: "standby", password: secrets.standbyPassword, ...tls },
        rewind: { username: "rewind", password: secrets.rewindPassword, ...tls },
      },
      parameters: { unix_socket_directories: PATHS.sockets },
      basebackup: { checkpoint: "fast" },
      // A former leader that can't be rewound clones again; what it had and others have not was never acknowledged.
      remove_data_directory_on_rewind_failure: true,
      remove_data_directory_on_diverged_timelines: true,
    },
  };
}

export interface DcsInput {
  readonly plan: PostgresPlan;
  /** Logins of databases, by database. */
  readonly logins: Readonly<Record<string, readonly string[]>>;
  /** Private addresses of all nodes: HAProxy connects with them. */
  readonly nodeIps: readonly string[];
  readonly podCidr: string;
}

/** Patroni keeps what it is not told about, so a parameter that is configured no more is taken back by name. */
const UNSET: Readonly<Record<string, null>> = Object.fromEntries(
  Object.keys(PARAMETERS).map((name) => [name, null]),
);

/** What all members share. `converge` brings it to Patroni, which tells who must restart. */
export function dcsSettings(input: DcsInput): object {
  return settings(input, { ...UNSET, ...parameters(input.plan) });
}

function settings(input: DcsInput, parameters: object): object {
  const { timing, synchronousMode } = input.plan;
  return {
    ttl: timing.ttl,
    loop_wait: timing.loopWait,
    retry_timeout: timing.retryTimeout,
    maximum_lag_on_failover: 1_048_576,
    // A leader that crashed is not waited for: a standby has everything that was acknowledged.
    primary_start_timeout: 0,
    primary_stop_timeout: 30,
    synchronous_mode: synchronousMode,
    // Without any standby the leader goes on alone; it is no safer to stop.
    synchronous_mode_strict: false,
    synchronous_node_count: 1,
    // etcd is gone, all members answer each other: the leader stays.
    failsafe_mode: true,
    postgresql: {
      use_pg_rewind: true,
      use_slots: true,
      parameters,
      pg_hba: hostBasedAuthentication(input),
      pg_ident: [`system postgres ${POSTGRES.superuser}`, "system postgres standby"],
    },
  };
}

/** For `initdb`, and the settings of the first start. */
export function bootstrapConfig(input: DcsInput): object {
  return {
    bootstrap: {
      dcs: settings(input, parameters(input.plan)),
      initdb: [
        "data-checksums",
        { encoding: "UTF8" },
        // No library of the image decides how text sorts, so a new image needs no new indexes.
        { "locale-provider": "builtin" },
        { "builtin-locale": "C.UTF-8" },
        { locale: "C.UTF-8" },
        { "auth-host": "scram-sha-256" },
        { "auth-local": "peer" },
      ],
    },
  };
}

function parameters(plan: PostgresPlan): Record<string, ParameterValue> {
  return {
    ...plan.parameters,
    max_connections: plan.maxConnections,
    wal_level: "logical",
    // Since 17.12 a plugin must be named to be loaded (release notes); wal2json is what Supabase's Realtime reads.
    output_plugin_libraries: "pgoutput,wal2json",
    max_wal_senders: 20,
    max_replication_slots: 20,
    max_slot_wal_keep_size: plan.parameters["max_slot_wal_keep_size"] ?? "4GB",
    hot_standby_feedback: true,
    // Commits wait for a synchronous standby that is silent; after this it is none, and another one is chosen.
    wal_sender_timeout: "10s",
    wal_receiver_timeout: "10s",
    password_encryption: "scram-sha-256",
    ssl: true,
    ssl_ca_file: TLS.ca,
    ssl_cert_file: TLS.cert,
    ssl_key_file: TLS.key,
    ssl_min_protocol_version: "TLSv1.2",
    shared_preload_libraries: "pg_stat_statements,pgaudit,pg_cron",
    "cron.database_name": "postgres",
    "cron.use_background_workers": true,
    log_destination: "stderr",
    logging_collector: false,
    log_line_prefix: "%m [%p] %q%u@%d ",
    // Peers that are gone without a word: found in a minute, and a query whose client is gone ends.
    tcp_keepalives_idle: 30,
    tcp_keepalives_interval: 10,
    tcp_keepalives_count: 3,
    client_connection_check_interval: "10s",
  };
}

/** Logins of the cluster's own pods: never from outside. */
const POD_LOGINS = ["standby", "rewind", "pgbouncer", "postgres_exporter"] as const;

/**
 * The first address of every node's part of the pods' network, as address and mask: K3s gives each node a /24 (docs.k3s.io, "k3s server",
 * cluster-cidr), and its bridge has the first address of it.
 */
function bridges(podCidr: string): string {
  const pods = 2 ** 32 - 2 ** (32 - prefixLength(podCidr));
  return `${nthAddress(podCidr, 1)} ${fromNumber(pods + 255)}`;
}

/**
 * By TLS and SCRAM only, from pods and from HAProxy of the nodes. The superuser comes by the socket and never by the network;
 * a login gets into its own database and no other.
 */
function hostBasedAuthentication({ logins, nodeIps, podCidr }: DcsInput): string[] {
  const from = [podCidr, ...nodeIps.map((ip) => `${ip}/32`)];
  const over = (database: string, users: string, networks: readonly string[]) =>
    networks.map((network) => `hostssl ${database} ${users} ${network} scram-sha-256`);
  return [
    `local all ${POSTGRES.superuser} peer map=system`,
    "local replication standby peer map=system",
    "local all all reject",
    // What HAProxy of the member's own node lets in comes from that node's bridge, an address among those of pods.
    ...["replication", "all"].map(
      (database) => `hostssl ${database} ${POD_LOGINS.join(",")} ${bridges(podCidr)} reject`,
    ),
    ...over("replication", "standby", [podCidr]),
    ...over("all", "rewind", [podCidr]),
    ...over("postgres", "pgbouncer,postgres_exporter", [podCidr]),
    ...Object.entries(logins).flatMap(([database, users]) => over(database, users.join(","), from)),
    "host all all all reject",
  ];
}
