-- The databases that come with Postgres: for its own roles and nobody else.
BEGIN;
REVOKE ALL ON DATABASE postgres, template1 FROM PUBLIC;
GRANT CONNECT ON DATABASE postgres TO rewind, pgbouncer, postgres_exporter;
REVOKE ALL ON SCHEMA public FROM PUBLIC;

-- What pg_rewind reads of its source (postgresql.org, pg_rewind, "Notes").
GRANT EXECUTE ON FUNCTION pg_ls_dir(text, boolean, boolean) TO rewind;
GRANT EXECUTE ON FUNCTION pg_stat_file(text, boolean) TO rewind;
GRANT EXECUTE ON FUNCTION pg_read_binary_file(text) TO rewind;
GRANT EXECUTE ON FUNCTION pg_read_binary_file(text, bigint, bigint, boolean) TO rewind;
COMMIT;

ALTER ROLE postgres_exporter SET statement_timeout = '10s';
