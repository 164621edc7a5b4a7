-- The beginning of every session. What follows has password verifiers in it, so it must reach no log, no statistics and no
-- other session's view; and a database's owner can set its search_path, which would choose functions for a superuser.
\set ON_ERROR_STOP on
\set QUIET on
\set ECHO none
\pset tuples_only on
SET search_path = pg_catalog;

DO $$
BEGIN
  IF current_user <> 'supabase_admin' THEN
    RAISE EXCEPTION 'this is for supabase_admin, over the local socket; % may not', current_user;
  END IF;
  IF pg_is_in_recovery() THEN
    RAISE EXCEPTION 'this member is a replica; run it on the leader: postgres-node sql finds it';
  END IF;
END
$$;

SET log_statement = 'none';
SET log_min_error_statement = 'panic';
SET log_min_duration_statement = -1;
SET log_min_duration_sample = -1;
SET log_transaction_sample_rate = 0;
SET track_activities = off;
SET pg_stat_statements.track_utility = off;
SET pgaudit.log = 'none';
SET password_encryption = 'scram-sha-256';
SET client_min_messages = 'warning';
SET statement_timeout = 0;
SET lock_timeout = '10s';
