-- Row security on every table of the exposed schemas: without it whoever has the public key reads and writes all of a table that is granted
-- to anon. Nothing is granted to anon and authenticated by default. Variables: owner, rw, ro.
-- A table that was moved into the exposed schema, or whose row security somebody took away, stops the run before any service shows it.
DO $$
DECLARE
  bare text;
BEGIN
  SELECT string_agg(c.oid::regclass::text, ', ' ORDER BY c.relname) INTO bare
  FROM pg_class c
  WHERE c.relnamespace = 'api'::regnamespace AND c.relkind IN ('r', 'p') AND NOT c.relrowsecurity;
  IF bare IS NOT NULL THEN
    RAISE EXCEPTION 'exposed without row security: %', bare
      USING HINT = 'ALTER TABLE … ENABLE ROW LEVEL SECURITY, with a policy for who may see which rows; or move it out of the schema api.';
  END IF;
END
$$;

BEGIN;
-- Everybody may call what is made, by a default of all schemas: what a schema's own defaults say is added to it and takes nothing away
-- (postgresql.org, ALTER DEFAULT PRIVILEGES, "Notes").
ALTER DEFAULT PRIVILEGES FOR ROLE :"owner", postgres REVOKE EXECUTE ON ROUTINES FROM PUBLIC;
ALTER DEFAULT PRIVILEGES FOR ROLE :"owner", postgres GRANT EXECUTE ON ROUTINES TO :"rw", :"ro";

-- Studio makes tables as postgres: for the application they are like the owner's (../cluster/schema.sql).
ALTER DEFAULT PRIVILEGES FOR ROLE postgres GRANT SELECT, INSERT, UPDATE, DELETE ON TABLES TO :"rw";
ALTER DEFAULT PRIVILEGES FOR ROLE postgres GRANT SELECT ON TABLES TO :"ro";
ALTER DEFAULT PRIVILEGES FOR ROLE postgres GRANT USAGE, SELECT ON SEQUENCES TO :"rw";
ALTER DEFAULT PRIVILEGES FOR ROLE postgres GRANT SELECT ON SEQUENCES TO :"ro";
ALTER DEFAULT PRIVILEGES FOR ROLE postgres GRANT USAGE ON SCHEMAS TO :"rw", :"ro";
-- And the owner's migrations read and fill them.
ALTER DEFAULT PRIVILEGES FOR ROLE postgres GRANT ALL ON TABLES TO :"owner";
ALTER DEFAULT PRIVILEGES FOR ROLE postgres GRANT ALL ON SEQUENCES TO :"owner";
ALTER DEFAULT PRIVILEGES FOR ROLE postgres GRANT EXECUTE ON ROUTINES TO :"owner";

ALTER DEFAULT PRIVILEGES FOR ROLE :"owner", postgres IN SCHEMA api GRANT SELECT, INSERT, UPDATE, DELETE ON TABLES TO service_role;
ALTER DEFAULT PRIVILEGES FOR ROLE :"owner", postgres IN SCHEMA api GRANT USAGE, SELECT ON SEQUENCES TO service_role;
ALTER DEFAULT PRIVILEGES FOR ROLE :"owner", postgres IN SCHEMA api GRANT EXECUTE ON ROUTINES TO service_role;

CREATE SCHEMA IF NOT EXISTS gardenos;
ALTER SCHEMA gardenos OWNER TO supabase_admin;
REVOKE ALL ON SCHEMA gardenos FROM PUBLIC;

CREATE OR REPLACE FUNCTION gardenos.enable_row_security() RETURNS event_trigger
  LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
  made record;
BEGIN
  FOR made IN
    SELECT objid::regclass AS name FROM pg_event_trigger_ddl_commands()
    WHERE classid = 'pg_class'::regclass AND object_type = 'table' AND schema_name IN ('api', 'public')
  LOOP
    EXECUTE format('ALTER TABLE %s ENABLE ROW LEVEL SECURITY', made.name);
  END LOOP;
END
$$;

-- PostgREST keeps what it knows of the schema, and reads it again when it is told: a long query of the catalog for each of its pods, so not
-- for what changes nothing of it (postgrest.org, "Schema Cache Reloading").
CREATE OR REPLACE FUNCTION gardenos.tell_postgrest() RETURNS event_trigger
  LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
  IF EXISTS (SELECT FROM pg_event_trigger_ddl_commands() WHERE schema_name IS DISTINCT FROM 'pg_temp') THEN
    NOTIFY pgrst, 'reload schema';
  END IF;
END
$$;

CREATE OR REPLACE FUNCTION gardenos.tell_postgrest_of_drops() RETURNS event_trigger
  LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
  IF EXISTS (
    SELECT FROM pg_event_trigger_dropped_objects()
    WHERE NOT is_temporary AND object_type IN (
      'schema', 'table', 'table column', 'foreign table', 'view', 'materialized view', 'function', 'procedure', 'trigger', 'type',
      'domain', 'rule', 'table constraint'
    )
  ) THEN
    NOTIFY pgrst, 'reload schema';
  END IF;
END
$$;

DROP EVENT TRIGGER IF EXISTS gardenos_enable_row_security;
CREATE EVENT TRIGGER gardenos_enable_row_security ON ddl_command_end
  WHEN TAG IN ('CREATE TABLE', 'CREATE TABLE AS', 'SELECT INTO') EXECUTE FUNCTION gardenos.enable_row_security();
DROP EVENT TRIGGER IF EXISTS gardenos_tell_postgrest;
CREATE EVENT TRIGGER gardenos_tell_postgrest ON ddl_command_end
  WHEN TAG IN (
    'CREATE SCHEMA', 'ALTER SCHEMA', 'CREATE TABLE', 'CREATE TABLE AS', 'SELECT INTO', 'ALTER TABLE', 'CREATE FOREIGN TABLE',
    'ALTER FOREIGN TABLE', 'CREATE VIEW', 'ALTER VIEW', 'CREATE MATERIALIZED VIEW', 'ALTER MATERIALIZED VIEW', 'CREATE FUNCTION',
    'ALTER FUNCTION', 'CREATE PROCEDURE', 'ALTER PROCEDURE', 'ALTER ROUTINE', 'CREATE TRIGGER', 'CREATE TYPE', 'ALTER TYPE',
    'CREATE DOMAIN', 'ALTER DOMAIN', 'CREATE RULE', 'COMMENT'
  ) EXECUTE FUNCTION gardenos.tell_postgrest();
DROP EVENT TRIGGER IF EXISTS gardenos_tell_postgrest_of_drops;
CREATE EVENT TRIGGER gardenos_tell_postgrest_of_drops ON sql_drop EXECUTE FUNCTION gardenos.tell_postgrest_of_drops();
COMMIT;
