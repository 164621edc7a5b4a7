-- How PgBouncer learns the verifier of a client's password: a function that answers for applications' roles only. It is
-- called before the client is known, so it resolves no name by a search_path that the client could have chosen.
BEGIN;
CREATE SCHEMA IF NOT EXISTS pgbouncer;
ALTER SCHEMA pgbouncer OWNER TO supabase_admin;
REVOKE ALL ON SCHEMA pgbouncer FROM PUBLIC, pgbouncer;
GRANT USAGE ON SCHEMA pgbouncer TO pgbouncer;

-- No row for whoever is, or could become, a superuser; for replication, which no pool can serve; for who passes row
-- security; and for a password that has expired, which Postgres itself would refuse (CVE-2025-2291).
CREATE OR REPLACE FUNCTION pgbouncer.get_auth(login text)
  RETURNS TABLE (usename text, passwd text)
  LANGUAGE sql STABLE STRICT SECURITY DEFINER
  SET search_path = pg_catalog, pg_temp
AS $$
  SELECT r.rolname::text, r.rolpassword
  FROM pg_catalog.pg_authid r
  WHERE r.rolname = login
    AND r.rolcanlogin
    AND NOT r.rolreplication
    AND NOT r.rolbypassrls
    AND (r.rolvaliduntil IS NULL OR r.rolvaliduntil > now())
    AND NOT EXISTS (
      SELECT FROM pg_catalog.pg_authid s WHERE s.rolsuper AND pg_has_role(r.oid, s.oid, 'MEMBER')
    )
$$;
ALTER FUNCTION pgbouncer.get_auth(text) OWNER TO supabase_admin;
SELECT format('REVOKE ALL ON FUNCTION pgbouncer.get_auth(text) FROM %s CASCADE', a.grantee::regrole)
FROM pg_proc p, aclexplode(p.proacl) a
WHERE p.oid = 'pgbouncer.get_auth(text)'::regprocedure
  AND a.grantee NOT IN (0, p.proowner, 'pgbouncer'::regrole) \gexec
REVOKE ALL ON FUNCTION pgbouncer.get_auth(text) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION pgbouncer.get_auth(text) TO pgbouncer;
COMMIT;
