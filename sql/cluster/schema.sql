-- Inside a database: schemas, rights, extensions. Variables: owner, rw, ro; extensions, names with commas between.
-- Rights on single tables are the owner's business and are not touched.
BEGIN;
-- Somebody may have dropped it.
SELECT format('REVOKE CREATE ON SCHEMA public FROM PUBLIC, %I, %I', :'rw', :'ro')
WHERE EXISTS (SELECT FROM pg_namespace WHERE nspname = 'public') \gexec

-- Large objects and messages in the log have no table whose rights would keep a reader from them.
SELECT format('REVOKE EXECUTE ON FUNCTION %s FROM PUBLIC; GRANT EXECUTE ON FUNCTION %1$s TO %I, %I', p.oid::regprocedure, :'owner', :'rw')
FROM pg_proc p
WHERE p.pronamespace = 'pg_catalog'::regnamespace
  AND p.proname IN ('lo_creat', 'lo_create', 'lo_from_bytea', 'pg_logical_emit_message') \gexec

CREATE SCHEMA IF NOT EXISTS app;
ALTER SCHEMA app OWNER TO :"owner";
REVOKE ALL ON SCHEMA app FROM PUBLIC, :"rw", :"ro";
GRANT USAGE ON SCHEMA app TO :"rw", :"ro";

CREATE SCHEMA IF NOT EXISTS extensions;
ALTER SCHEMA extensions OWNER TO supabase_admin;
REVOKE ALL ON SCHEMA extensions FROM PUBLIC, :"owner", :"rw", :"ro";
GRANT USAGE ON SCHEMA extensions TO :"owner", :"rw", :"ro";

-- What the owner makes from now on, in any schema of it.
ALTER DEFAULT PRIVILEGES FOR ROLE :"owner" REVOKE ALL ON TABLES FROM PUBLIC, :"rw", :"ro";
ALTER DEFAULT PRIVILEGES FOR ROLE :"owner" REVOKE ALL ON SEQUENCES FROM PUBLIC, :"rw", :"ro";
ALTER DEFAULT PRIVILEGES FOR ROLE :"owner" REVOKE ALL ON SCHEMAS FROM PUBLIC, :"rw", :"ro";
ALTER DEFAULT PRIVILEGES FOR ROLE :"owner" GRANT SELECT, INSERT, UPDATE, DELETE ON TABLES TO :"rw";
ALTER DEFAULT PRIVILEGES FOR ROLE :"owner" GRANT SELECT ON TABLES TO :"ro";
ALTER DEFAULT PRIVILEGES FOR ROLE :"owner" GRANT USAGE, SELECT ON SEQUENCES TO :"rw";
ALTER DEFAULT PRIVILEGES FOR ROLE :"owner" GRANT SELECT ON SEQUENCES TO :"ro";
ALTER DEFAULT PRIVILEGES FOR ROLE :"owner" GRANT USAGE ON SCHEMAS TO :"rw", :"ro";
COMMIT;

-- Some extensions have a schema that they must be in.
SELECT format('CREATE EXTENSION IF NOT EXISTS %I', wanted)
  || CASE WHEN v.schema IS NULL THEN ' WITH SCHEMA extensions' ELSE '' END || ' CASCADE'
FROM unnest(string_to_array(:'extensions', ',')) AS wanted
LEFT JOIN pg_available_extensions e ON e.name = wanted
LEFT JOIN pg_available_extension_versions v ON v.name = wanted AND v.version = e.default_version \gexec
