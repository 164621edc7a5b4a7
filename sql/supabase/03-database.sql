-- Inside of the database: who may connect, and the schemas of the services, empty. Each makes its own tables. Variables: database, owner, rw,
-- ro.
BEGIN;
GRANT CONNECT ON DATABASE :"database" TO authenticator, postgres;
-- Services make a schema that is missing, and their migrations look whether they may.
GRANT CONNECT, CREATE ON DATABASE :"database" TO supabase_auth_admin, supabase_storage_admin, supabase_realtime;

CREATE SCHEMA IF NOT EXISTS auth;
ALTER SCHEMA auth OWNER TO supabase_auth_admin;
CREATE SCHEMA IF NOT EXISTS storage;
ALTER SCHEMA storage OWNER TO supabase_storage_admin;
CREATE SCHEMA IF NOT EXISTS realtime;
ALTER SCHEMA realtime OWNER TO supabase_realtime;
CREATE SCHEMA IF NOT EXISTS _realtime;
ALTER SCHEMA _realtime OWNER TO supabase_realtime;
-- What PostgREST serves. The application's own schema is not among it.
CREATE SCHEMA IF NOT EXISTS api;
ALTER SCHEMA api OWNER TO :"owner";
CREATE SCHEMA IF NOT EXISTS graphql_public;
ALTER SCHEMA graphql_public OWNER TO supabase_admin;

REVOKE ALL ON SCHEMA auth, storage, realtime, _realtime, api, graphql_public FROM PUBLIC;
GRANT USAGE ON SCHEMA api, auth, storage, realtime, extensions, graphql_public TO anon, authenticated, service_role;
-- What the owner makes there is the application's, too.
GRANT USAGE ON SCHEMA api TO :"rw", :"ro";
GRANT USAGE ON SCHEMA auth, storage, realtime TO postgres;
GRANT USAGE, CREATE ON SCHEMA realtime TO supabase_realtime_admin;
GRANT USAGE ON SCHEMA extensions TO
  authenticator, supabase_auth_admin, supabase_storage_admin, supabase_realtime, postgres;
-- Studio works as who owns the application's tables, and no more than that.
GRANT :"owner" TO postgres;
COMMIT;

CREATE EXTENSION IF NOT EXISTS pgcrypto WITH SCHEMA extensions;
CREATE EXTENSION IF NOT EXISTS "uuid-ossp" WITH SCHEMA extensions;

SELECT 'CREATE PUBLICATION supabase_realtime'
WHERE NOT EXISTS (SELECT FROM pg_publication WHERE pubname = 'supabase_realtime') \gexec
-- Its owner adds tables to it, and Studio does.
ALTER PUBLICATION supabase_realtime OWNER TO :"owner";
