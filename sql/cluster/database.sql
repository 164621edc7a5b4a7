-- One database. Variables: database, owner, rw, ro. It is made once and never dropped; one that is no longer configured is
-- left alone. The locale is the cluster's.
SELECT format('CREATE DATABASE %I OWNER %I ENCODING ''UTF8'' TEMPLATE template0', :'database', :'owner')
WHERE NOT EXISTS (SELECT FROM pg_database WHERE datname = :'database') \gexec

BEGIN;
ALTER DATABASE :"database" OWNER TO :"owner";
-- The owner may have chosen what keeps others out, or makes a superuser's session the owner's.
ALTER DATABASE :"database" ALLOW_CONNECTIONS true CONNECTION LIMIT -1;
ALTER DATABASE :"database" RESET role;
ALTER DATABASE :"database" RESET session_authorization;
ALTER DATABASE :"database" RESET default_transaction_read_only;
REVOKE ALL ON DATABASE :"database" FROM PUBLIC, :"rw", :"ro", postgres_exporter;
GRANT CONNECT, TEMPORARY ON DATABASE :"database" TO :"rw";
GRANT CONNECT ON DATABASE :"database" TO :"ro", postgres_exporter;
ALTER DATABASE :"database" SET search_path = app, public, extensions;

-- Defaults; a session may set others. A request that takes longer has lost its client. A forgotten transaction keeps
-- vacuum from cleaning and, where it holds locks, others from working. A migration may take its time, but while it waits
-- for its lock everybody waits behind it.
ALTER ROLE :"rw" SET statement_timeout = '30s';
ALTER ROLE :"rw" SET lock_timeout = '10s';
ALTER ROLE :"rw" SET idle_in_transaction_session_timeout = '1min';
ALTER ROLE :"ro" SET statement_timeout = '5min';
ALTER ROLE :"ro" SET idle_in_transaction_session_timeout = '5min';
ALTER ROLE :"ro" SET default_transaction_read_only = on;
-- What a query puts aside is on the disk of the data.
ALTER ROLE :"rw" SET temp_file_limit = '2GB';
ALTER ROLE :"ro" SET temp_file_limit = '2GB';
ALTER ROLE :"owner" SET lock_timeout = '10s';
ALTER ROLE :"owner" SET idle_in_transaction_session_timeout = '10min';
COMMIT;
