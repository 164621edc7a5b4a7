\ir ../../../sql/cluster/session.sql

\ir ../../../sql/cluster/superuser.sql

\set role 'standby'
\set verifier 'SCRAM-SHA-256$4096:W22ZaJ0SNY7soEsUEjb6gQ==$WuDRehLPSEeg2eIp2eqXkSp4YAHBv4TLw8JktW0p1pY=:bI38maVeC2rREwhmxVj1tW6cAyGp94vAYHW3/Wii/z8='
\set replication 'REPLICATION'
\set groups ''
\ir ../../../sql/cluster/role.sql

\set role 'rewind'
\set verifier 'SCRAM-SHA-256$4096:W22ZaJ0SNY7soEsUEjb6gQ==$/2eA+E0n2TfvVuTR4SFzOoD4HdCRMZHtxWINXNPt2os=:HoDZtohMN7JOvsrAGrFlwEGezANslDlcc3hVTspf2/k='
\set replication 'NOREPLICATION'
\set groups ''
\ir ../../../sql/cluster/role.sql

\set role 'pgbouncer'
\set verifier 'SCRAM-SHA-256$4096:W22ZaJ0SNY7soEsUEjb6gQ==$a1z4WSjqzcQtTql47Llu30zG5nA2M8XH/mvDCWrr+dU=:2QmGRbvv8hTEQlvrYbEIV8v2pkBIqjfDhMrg0kHih4s='
\set replication 'NOREPLICATION'
\set groups ''
\ir ../../../sql/cluster/role.sql

\set role 'postgres_exporter'
\set verifier 'SCRAM-SHA-256$4096:W22ZaJ0SNY7soEsUEjb6gQ==$41YF6V1diZ0CJTEyhTWGaKllO+KAjVmOyBJDyPZ9gBU=:cIdousYSTDwgr07P6c+OWzoyXtNPc9C4VhgAvPQr7E8='
\set replication 'NOREPLICATION'
\set groups 'pg_monitor'
\ir ../../../sql/cluster/role.sql

\set role 'app_owner'
\set verifier 'SCRAM-SHA-256$4096:W22ZaJ0SNY7soEsUEjb6gQ==$K7jysOaxxlFL9BOyVdB42d/r4iX5yNSb4zZ8i2GdUW8=:0DXbCjSgPlcBeTEtbwSDfR33Amybxi8hfEnbrGDk2sg='
\set replication 'NOREPLICATION'
\set groups ''
\ir ../../../sql/cluster/role.sql

\set role 'app_rw'
\set verifier 'SCRAM-SHA-256$4096:W22ZaJ0SNY7soEsUEjb6gQ==$iI/DMORuYJPj0tE3L+WIRbEmjPPwekbOLpOozAEs6Xg=:gNfn1KfsSUEu/uEx6EgmqOMP+NYRktgju2ti0s7X92E='
\set replication 'NOREPLICATION'
\set groups ''
\ir ../../../sql/cluster/role.sql

\set role 'app_ro'
\set verifier 'SCRAM-SHA-256$4096:W22ZaJ0SNY7soEsUEjb6gQ==$36UQcYb5u/MWvp6agPPxK5ZUPivZu2Z4g8reh9lmV4E=:NdNYVY3sUCi0rsCQjcWCgQoIxU4uqnSLG4o2DWtFtEw='
\set replication 'NOREPLICATION'
\set groups ''
\ir ../../../sql/cluster/role.sql

\set role 'app_owner_b'
\set verifier 'SCRAM-SHA-256$4096:W22ZaJ0SNY7soEsUEjb6gQ==$0KgvHpSKyUZJdCKG0FO596nr5Vty5OA+uG3opNULZnk=:7yrq6nQjlg9evn1G3jt38mwWOF0Zs6Iu51yZ/3r8er4='
\set replication 'NOREPLICATION'
\set groups 'app_owner'
\ir ../../../sql/cluster/role.sql

\set role 'app_rw_b'
\set verifier 'SCRAM-SHA-256$4096:W22ZaJ0SNY7soEsUEjb6gQ==$q4/BxR3mwiy6o4WONHRA7B6LPSNeTozmbCYH2NYAYIM=:IojIc8RqgK9Tb0MAwYBMZRvQronuH3HwXdbzgFnRQ+o='
\set replication 'NOREPLICATION'
\set groups 'app_rw'
\ir ../../../sql/cluster/role.sql

\set role 'app_ro_b'
\set verifier 'SCRAM-SHA-256$4096:W22ZaJ0SNY7soEsUEjb6gQ==$VgMj5O/0oRBHw88b78vAqBR8CqNvqYbzuu4EubGuefs=:BEHmTcghtYq0sBAAOnsBNrkVAe1A9zXPiCM3cLq3J8I='
\set replication 'NOREPLICATION'
\set groups 'app_ro'
\ir ../../../sql/cluster/role.sql

\ir ../../../sql/cluster/system.sql

\ir ../../../sql/cluster/pooler.sql

\set database 'app'
\set owner 'app_owner'
\set rw 'app_rw'
\set ro 'app_ro'
\ir ../../../sql/cluster/database.sql

\set role 'app_owner'
\set login 'app_owner_b'
\ir ../../../sql/cluster/second-login.sql

\set role 'app_rw'
\set login 'app_rw_b'
\ir ../../../sql/cluster/second-login.sql

\set role 'app_ro'
\set login 'app_ro_b'
\ir ../../../sql/cluster/second-login.sql

\set database 'app'
\set owner 'app_owner'
\set rw 'app_rw'
\set ro 'app_ro'
\connect :database
\ir ../../../sql/cluster/session.sql
\set extensions 'vector,uuid-ossp'
\ir ../../../sql/cluster/schema.sql
