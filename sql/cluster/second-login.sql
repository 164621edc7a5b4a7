-- The login that takes turns with a role's own when passwords change. Variables: role; login, a member of it. It acts as the role and
-- under the role's settings, so whatever it makes is the role's.
BEGIN;
ALTER ROLE :"login" RESET ALL;
SELECT format('ALTER ROLE %I SET %I = %L', :'login', split_part(setting, '=', 1), substr(setting, strpos(setting, '=') + 1))
FROM pg_db_role_setting, unnest(setconfig) AS setting
WHERE setrole = :'role'::regrole AND setdatabase = 0 \gexec
ALTER ROLE :"login" SET role = :'role';
COMMIT;
