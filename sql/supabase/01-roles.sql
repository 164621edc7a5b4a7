-- Roles that tokens of clients stand for, and roles that services log in as. Nobody here is a superuser or could become one, and
-- nobody may make roles. Passwords follow, a role after the other, by ../cluster/role.sql's neighbour 02-login.sql.
BEGIN;
SELECT format('CREATE ROLE %I', name)
FROM unnest(ARRAY[
  'anon', 'authenticated', 'service_role', 'dashboard_user', 'supabase_realtime_admin',
  'authenticator', 'supabase_auth_admin', 'supabase_storage_admin', 'supabase_realtime', 'postgres'
]) AS name
WHERE NOT EXISTS (SELECT FROM pg_roles WHERE rolname = name) \gexec

-- What a request may do follows from its token. A client that is nobody has three seconds.
ALTER ROLE anon NOLOGIN NOINHERIT NOSUPERUSER NOCREATEDB NOCREATEROLE NOREPLICATION NOBYPASSRLS;
ALTER ROLE authenticated NOLOGIN NOINHERIT NOSUPERUSER NOCREATEDB NOCREATEROLE NOREPLICATION NOBYPASSRLS;
ALTER ROLE service_role NOLOGIN NOINHERIT NOSUPERUSER NOCREATEDB NOCREATEROLE NOREPLICATION BYPASSRLS;
ALTER ROLE anon SET statement_timeout = '3s';
ALTER ROLE authenticated SET statement_timeout = '8s';

-- Migrations of auth and realtime name it; nobody is it.
ALTER ROLE dashboard_user NOLOGIN NOINHERIT NOSUPERUSER NOCREATEDB NOCREATEROLE NOREPLICATION NOBYPASSRLS;

-- Owns what realtime makes in the schema realtime; its migrations would make it, if they might.
ALTER ROLE supabase_realtime_admin NOLOGIN NOINHERIT NOSUPERUSER NOCREATEDB NOCREATEROLE NOREPLICATION NOBYPASSRLS;

-- PostgREST: becomes what the token says, and is nothing by itself.
ALTER ROLE authenticator NOINHERIT NOSUPERUSER NOCREATEDB NOCREATEROLE NOREPLICATION NOBYPASSRLS;
ALTER ROLE authenticator SET statement_timeout = '8s';
ALTER ROLE authenticator SET lock_timeout = '8s';

-- Each owns a schema, and finds it first: types of a migration must not land elsewhere (supabase/auth#1729).
ALTER ROLE supabase_auth_admin NOINHERIT NOSUPERUSER NOCREATEDB NOCREATEROLE NOREPLICATION NOBYPASSRLS;
ALTER ROLE supabase_auth_admin SET search_path = auth;
ALTER ROLE supabase_auth_admin SET idle_in_transaction_session_timeout = '1min';
ALTER ROLE supabase_storage_admin NOINHERIT NOSUPERUSER NOCREATEDB NOCREATEROLE NOREPLICATION NOBYPASSRLS;
ALTER ROLE supabase_storage_admin SET search_path = storage;

-- Reads the log of changes. Upstream logs in as the superuser for it.
ALTER ROLE supabase_realtime INHERIT NOSUPERUSER NOCREATEDB NOCREATEROLE REPLICATION NOBYPASSRLS;
GRANT SET ON PARAMETER log_min_messages TO supabase_realtime;

-- Studio, by postgres-meta: whoever may use it sees all rows.
ALTER ROLE postgres INHERIT NOSUPERUSER NOCREATEDB NOCREATEROLE NOREPLICATION BYPASSRLS;

GRANT anon, authenticated, service_role TO authenticator, supabase_storage_admin, supabase_realtime
  WITH INHERIT FALSE, SET TRUE;
-- Its migrations grant that role to others.
GRANT supabase_realtime_admin TO supabase_realtime WITH ADMIN OPTION;
GRANT supabase_realtime_admin TO postgres;
COMMIT;
