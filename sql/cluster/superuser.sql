-- One superuser, without a password: it comes in by the local socket or not at all. Nobody else is one, or can become one.
ALTER ROLE supabase_admin LOGIN PASSWORD NULL;

DO $$
DECLARE
  role name;
  grantor name;
BEGIN
  FOR role IN SELECT rolname FROM pg_roles WHERE rolsuper AND rolname <> 'supabase_admin' LOOP
    EXECUTE format('ALTER ROLE %I NOSUPERUSER', role);
    RAISE WARNING 'role % was a superuser and is none any more: only supabase_admin is', role;
  END LOOP;
  FOR role, grantor IN
    SELECT pg_get_userbyid(member), pg_get_userbyid(m.grantor)
    FROM pg_auth_members m
    WHERE roleid = 'supabase_admin'::regrole
  LOOP
    EXECUTE format('REVOKE supabase_admin FROM %I GRANTED BY %I CASCADE', role, grantor);
    RAISE WARNING 'role % was a member of supabase_admin and is none any more', role;
  END LOOP;
END
$$;
