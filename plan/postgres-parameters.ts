/** Which Postgres parameters may be configured, what their values may be, and who sets the others. */
import { boolean, count, type Rule, real, size, time, words } from "./postgres-values.ts";

/**
 * Those a stack may set, with the values that Postgres accepts (release 17: pg_settings; a test compares them). A list and not "anything":
 * Postgres accepts settings that end it at the next start, and some run commands as its user.
 */
export const PARAMETERS: Readonly<Record<string, Rule>> = {
  autovacuum_analyze_scale_factor: real(0, 100),
  // Postgres would take 262143, and not start: each has its share of the memory that is taken at the start.
  autovacuum_max_workers: count(1, 64),
  autovacuum_naptime: time("s", 1, 2_147_483),
  autovacuum_vacuum_cost_delay: real(-1, 100, "ms"),
  autovacuum_vacuum_cost_limit: count(-1, 10_000),
  autovacuum_vacuum_scale_factor: real(0, 100),
  autovacuum_work_mem: size("kB", -1),
  checkpoint_completion_target: real(0, 1),
  checkpoint_timeout: time("s", 30, 86_400),
  default_statistics_target: count(1, 10_000),
  effective_cache_size: size("8kB", 1),
  effective_io_concurrency: count(0, 1000),
  hash_mem_multiplier: real(1, 1000),
  idle_in_transaction_session_timeout: time("ms", 0),
  jit: boolean,
  lock_timeout: time("ms", 0),
  log_autovacuum_min_duration: time("ms", -1),
  log_connections: boolean,
  log_disconnections: boolean,
  log_lock_waits: boolean,
  log_min_duration_statement: time("ms", -1),
  log_statement: words(["none", "ddl", "mod", "all"]),
  log_temp_files: size("kB", -1),
  maintenance_work_mem: size("kB", 64),
  max_parallel_maintenance_workers: count(0, 1024),
  max_parallel_workers: count(0, 1024),
  max_parallel_workers_per_gather: count(0, 1024),
  max_slot_wal_keep_size: size("MB", -1),
  max_wal_size: size("MB", 2),
  min_wal_size: size("MB", 2),
  "pgaudit.log": words(
    ["none", "all", "ddl", "function", "misc", "misc_set", "read", "role", "write"],
    "several",
  ),
  random_page_cost: real(0, 1_000_000),
  shared_buffers: size("8kB", 16, 1_073_741_823),
  statement_timeout: time("ms", 0),
  temp_file_limit: size("kB", -1),
  track_io_timing: boolean,
  wal_compression: words(["pglz", "lz4", "zstd", "on", "off"]),
  wal_keep_size: size("MB", 0),
  work_mem: size("kB", 64),
};

/** Those that other settings decide, with the one to use instead. */
export const ELSEWHERE: Readonly<Record<string, string>> = {
  max_connections: "postgres.maxConnections",
  synchronous_commit: "postgres.synchronousMode",
  synchronous_standby_names: "postgres.synchronousMode",
};

/** Extensions of the image that a database may have; those of every database are not listed. */
export const EXTENSIONS: readonly string[] = [
  "btree_gin",
  "btree_gist",
  "citext",
  "fuzzystrmatch",
  "hstore",
  "intarray",
  "ltree",
  "pg_stat_statements",
  "pg_trgm",
  "pgaudit",
  "pgcrypto",
  "pgrowlocks",
  "postgres_fdw",
  "tablefunc",
  "unaccent",
  "uuid-ossp",
  "vector",
];
