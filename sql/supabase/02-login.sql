-- The password of one role. Variables: role; verifier. An error must not show the statement, which holds the verifier.
\set VERBOSITY terse
ALTER ROLE :"role" LOGIN CONNECTION LIMIT -1 VALID UNTIL 'infinity' PASSWORD :'verifier';
\set VERBOSITY default
