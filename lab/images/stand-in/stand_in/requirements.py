"""What each real service wants of its environment and of its role, written from its own documents and not from this program."""

from urllib.parse import parse_qs, unquote, urlsplit

Env = dict[str, str]

REQUIRED = {
    "auth": """GOTRUE_API_HOST GOTRUE_API_PORT API_EXTERNAL_URL GOTRUE_SITE_URL GOTRUE_DB_DRIVER GOTRUE_DB_DATABASE_URL
        GOTRUE_JWT_SECRET GOTRUE_JWT_KEYS GOTRUE_JWT_AUD GOTRUE_JWT_EXP GOTRUE_JWT_ADMIN_ROLES GOTRUE_JWT_DEFAULT_GROUP_NAME""",
    "rest": "PGRST_DB_URI PGRST_DB_SCHEMAS PGRST_DB_ANON_ROLE PGRST_JWT_SECRET PGRST_ADMIN_SERVER_PORT",
    "realtime": """PORT DB_HOST DB_PORT DB_NAME DB_USER DB_PASSWORD DB_ENC_KEY DB_AFTER_CONNECT_QUERY API_JWT_SECRET
        METRICS_JWT_SECRET SECRET_KEY_BASE APP_NAME ERL_AFLAGS DNS_NODES RLIMIT_NOFILE POD_IP RELEASE_COOKIE DB_SSL
        REGION""",
    "storage": """ANON_KEY SERVICE_KEY AUTH_JWT_SECRET JWT_JWKS DATABASE_URL STORAGE_BACKEND STORAGE_S3_BUCKET
        STORAGE_S3_ENDPOINT STORAGE_S3_REGION AWS_ACCESS_KEY_ID AWS_SECRET_ACCESS_KEY TENANT_ID REGION FILE_SIZE_LIMIT""",
    "imgproxy": "IMGPROXY_BIND",
    "meta": """PG_META_PORT PG_META_DB_HOST PG_META_DB_PORT PG_META_DB_NAME PG_META_DB_USER PG_META_DB_PASSWORD PG_META_DB_SSL_MODE
        PG_META_DB_SSL_ROOT_CERT CRYPTO_KEY""",
    "studio": """HOSTNAME STUDIO_PG_META_URL POSTGRES_PASSWORD PG_META_CRYPTO_KEY SUPABASE_URL SUPABASE_PUBLIC_URL SUPABASE_ANON_KEY
        SUPABASE_SERVICE_KEY AUTH_JWT_SECRET DEFAULT_ORGANIZATION_NAME DEFAULT_PROJECT_NAME""",
    "functions": "JWT_SECRET SUPABASE_URL SUPABASE_ANON_KEY SUPABASE_SERVICE_ROLE_KEY",
}

LENGTHS = {"DB_ENC_KEY": (16, 16), "SECRET_KEY_BASE": (64, 10_000), "CRYPTO_KEY": (32, 10_000), "PG_META_CRYPTO_KEY": (32, 10_000)}
"""Characters, least and most: the services end without a word on others."""

ALLOWED, REFUSED = True, False

RIGHTS = {
    "auth": [
        ("CREATE TABLE auth.stand_in (id int)", ALLOWED),
        ("CREATE TABLE storage.stand_in (id int)", REFUSED),
        ("CREATE TABLE api.stand_in (id int)", REFUSED),
        ("CREATE ROLE stand_in", REFUSED),
        ("SELECT rolpassword FROM pg_authid", REFUSED),
    ],
    "rest": [
        ("SET ROLE anon", ALLOWED),
        ("SET ROLE authenticated", ALLOWED),
        ("SET ROLE service_role", ALLOWED),
        ("SET ROLE supabase_admin", REFUSED),
        ("CREATE TABLE api.stand_in (id int)", REFUSED),
    ],
    "realtime": [
        ("CREATE TABLE _realtime.stand_in (id int)", ALLOWED),
        ("CREATE TABLE realtime.stand_in (id int)", ALLOWED),
        ("SET LOCAL log_min_messages = 'fatal'", ALLOWED),
        ("CREATE TABLE auth.stand_in (id int)", REFUSED),
        ("CREATE ROLE stand_in", REFUSED),
    ],
    "storage": [
        ("CREATE TABLE storage.stand_in (id int)", ALLOWED),
        ("CREATE TABLE auth.stand_in (id int)", REFUSED),
        ("SET ROLE authenticated", ALLOWED),
        ("CREATE ROLE stand_in", REFUSED),
    ],
    "meta": [
        ("CREATE TABLE api.stand_in (id int)", ALLOWED),
        ("CREATE ROLE stand_in", REFUSED),
        ("SELECT rolpassword FROM pg_authid", REFUSED),
    ],
}
"""First statements of each service's migrations, or the like, and what it must not be able to do."""


def missing(service: str, env: Env) -> list[str]:
    """What is wrong with the environment, without any value of it."""
    absent = [f"{name} is not set" for name in REQUIRED[service].split() if not env.get(name)]
    lengths = [
        f"{name} has {len(env[name])} characters, wanted {least}{'' if least == most else ' or more'}"
        for name, (least, most) in LENGTHS.items()
        if env.get(name) and not least <= len(env[name]) <= most
    ]
    return absent + lengths


PREFIX = {"realtime": "DB_", "meta": "PG_META_DB_"}
"""Of the variables of services that want no address."""


def tls(service: str, env: Env) -> dict[str, str]:
    """As the service would: without being told so, none uses TLS or looks at a certificate."""
    if service == "meta":
        # The service wants the authority as a value, libpq as a file: the one that the pod has of it.
        return {"sslmode": env.get("PG_META_DB_SSL_MODE", "disable"), "sslrootcert": "/etc/gardenos/database/ca.crt"}
    if env.get("DB_SSL") != "true":
        return {"sslmode": "disable"}
    authority = env.get("DB_SSL_CA_CERT")
    return {"sslmode": "verify-full", "sslrootcert": authority} if authority else {"sslmode": "require"}


def connection(service: str, env: Env) -> dict[str, str] | None:
    """How to log in, as libpq has it; None for what has no database."""
    url = env.get({"auth": "GOTRUE_DB_DATABASE_URL", "rest": "PGRST_DB_URI", "storage": "DATABASE_URL"}.get(service, ""))
    if url:
        parts = urlsplit(url)
        query = {key: values[0] for key, values in parse_qs(parts.query).items()}
        return {
            "host": parts.hostname or "",
            "port": str(parts.port or 5432),
            "dbname": parts.path.lstrip("/"),
            "user": unquote(parts.username or ""),
            "password": unquote(parts.password or ""),
            **query,
        }
    if service not in PREFIX:
        return None
    prefix = PREFIX[service]
    names = {"host": "HOST", "port": "PORT", "dbname": "NAME", "user": "USER", "password": "PASSWORD"}
    return {key: env.get(prefix + name, "") for key, name in names.items()} | tls(service, env)


TENANT_SETTINGS = ("region", "db_host", "db_port", "db_name", "db_user", "db_password")
"""What Realtime's extension postgres_cdc_rls must have, all as text: lib/extensions/postgres_cdc_rls/db_settings.ex."""


def tenant_errors(tenant: dict) -> dict[str, list[str]]:
    """What Realtime would refuse of a tenant, by field, without any value: lib/realtime/api/tenant.ex and extensions.ex."""
    wrong: dict[str, list[str]] = {}
    if not isinstance(tenant.get("jwt_secret", ""), str):
        wrong["jwt_secret"] = ["is invalid"]
    if not isinstance(tenant.get("jwt_jwks", {}), dict):
        wrong["jwt_jwks"] = ["is invalid"]
    if not tenant.get("jwt_secret") and not tenant.get("jwt_jwks"):
        wrong["jwt_secret"] = ["either jwt_secret or jwt_jwks must be provided"]
    match tenant.get("extensions"):
        case [{"type": "postgres_cdc_rls", "settings": dict(settings)}]:
            absent = [f"{name} can't be blank" for name in TENANT_SETTINGS if settings.get(name) is None]
            invalid = [f"{name} is invalid" for name in TENANT_SETTINGS if not isinstance(settings.get(name, ""), str)]
            return wrong | ({"extensions": absent + invalid} if absent or invalid else {})
    return wrong | {"extensions": ["wanted: one postgres_cdc_rls with settings"]}


def tenant_login(tenant: dict) -> dict[str, str]:
    """How Realtime connects to a tenant's database, as libpq has it: by TLS unless told not to, and without a look at the certificate."""
    settings = tenant["extensions"][0]["settings"]
    names = {"host": "db_host", "port": "db_port", "dbname": "db_name", "user": "db_user", "password": "db_password"}
    sslmode = "disable" if settings.get("ssl_enforced") is False else "require"
    return {key: settings[name] for key, name in names.items()} | {"sslmode": sslmode}
