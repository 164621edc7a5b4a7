-- One role that logs in. Variables: role; verifier, of its password; replication, REPLICATION or NOREPLICATION; groups, the
-- roles that it is a member of, with commas between. Whatever else it was given is taken away.
-- An error must not show the statement, which holds the verifier.
\set VERBOSITY terse
BEGIN;
SELECT format('CREATE ROLE %I', :'role')
WHERE NOT EXISTS (SELECT FROM pg_roles WHERE rolname = :'role') \gexec
ALTER ROLE :"role" LOGIN NOSUPERUSER NOCREATEDB NOCREATEROLE NOBYPASSRLS INHERIT :replication
  CONNECTION LIMIT -1 VALID UNTIL 'infinity' PASSWORD :'verifier';
SELECT format('REVOKE %I FROM %I GRANTED BY %I CASCADE', g.rolname, :'role', pg_get_userbyid(m.grantor))
FROM pg_auth_members m JOIN pg_roles g ON g.oid = m.roleid
WHERE pg_get_userbyid(m.member) = :'role' AND g.rolname <> ALL (string_to_array(:'groups', ',')) \gexec
SELECT format('GRANT %I TO %I', g, :'role') FROM unnest(string_to_array(:'groups', ',')) AS g \gexec
COMMIT;
\set VERBOSITY default
