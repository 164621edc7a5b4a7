"""
Realtime's API for tenants, as far as the stack uses it: supabase/realtime, lib/realtime_web/controllers/tenant_controller.ex. The real one keeps
a tenant's settings, and connects by them to migrate its database; this one connects at every PUT, and keeps the name. The real one takes a
tenant of a region that no pod is in, and then each of its pods connects for itself; this one refuses it.
"""

import json
import re
from collections.abc import Mapping
from typing import NamedTuple

import psycopg2

from .database import TIMEOUT, connect
from .requirements import Env, tenant_errors, tenant_login
from .tokens import signed_by

TABLE = "CREATE TABLE IF NOT EXISTS _realtime.stand_in_tenants (name text PRIMARY KEY)"
KEEP = "INSERT INTO _realtime.stand_in_tenants VALUES (%s) ON CONFLICT DO NOTHING"
FIND = "SELECT FROM _realtime.stand_in_tenants WHERE name = %s"


class Request(NamedTuple):
    method: str
    path: str
    headers: Mapping[str, str]
    body: bytes


def _rows(env: Env, statement: str, name: str) -> int:
    session = connect("realtime", env)
    try:
        with session, session.cursor() as cursor:
            cursor.execute(TABLE)
            cursor.execute(statement, (name,))
            return cursor.rowcount
    finally:
        session.close()


def _tenant_of(request: Request) -> object:
    """None where Realtime would find none: it reads no body but JSON."""
    if request.headers.get("content-type") != "application/json":
        return None
    try:
        return json.loads(request.body)["tenant"]
    except (ValueError, TypeError, KeyError):
        return None


def _upsert(env: Env, name: str, tenant: object) -> tuple[int, object]:
    if not isinstance(tenant, dict):
        return 400, {"message": "the body is no JSON with a tenant"}
    errors = tenant_errors(tenant)
    if errors:
        return 422, {"errors": errors}
    if tenant["extensions"][0]["settings"]["region"] != env["REGION"]:
        return 422, {"errors": {"region": ["is not that of the pods"]}}
    try:
        psycopg2.connect(**tenant_login(tenant), **TIMEOUT).close()
    except psycopg2.OperationalError as error:
        # The real one says "Unauthorized", and why in its log.
        return 401, {"message": str(error).strip()}
    return (201 if _rows(env, KEEP, name) else 200), {"data": {"external_id": name}}


def _health(env: Env, name: str) -> tuple[int, object]:
    if not _rows(env, FIND, name):
        return 404, {"message": "not found"}
    return 200, {"data": {"healthy": True, "db_connected": False, "connected_cluster": 0}}


def answer(env: Env, request: Request) -> tuple[int, object]:
    """Status and body."""
    if not signed_by(env["API_JWT_SECRET"], request.headers.get("authorization")):
        return 403, None
    named = re.fullmatch(r"/api/tenants/([\w-]+)(/health)?", request.path)
    if named and request.method == "PUT" and not named[2]:
        return _upsert(env, named[1], _tenant_of(request))
    if named and request.method == "GET" and named[2]:
        return _health(env, named[1])
    return 501, {"message": "the stand-in for Realtime takes PUT /api/tenants/<name> and GET /api/tenants/<name>/health"}
