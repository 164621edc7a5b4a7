"""The one thing of PostgREST that tells whether keys, roles and row security fit together: reading a table as the token's role."""

import json
import re

import psycopg2
from psycopg2 import sql

from .database import connect
from .tokens import Refused, role_of


def read_table(env: dict[str, str], path: str, authorization: str | None) -> tuple[int, object]:
    """Status and body."""
    table = re.fullmatch(r"/(\w+)(\?.*)?", path)
    if not table:
        return 404, {"message": "the stand-in for PostgREST reads /<table>"}
    token = authorization.removeprefix("Bearer ") if authorization else None
    try:
        role = role_of(token, env["PGRST_JWT_SECRET"], env["PGRST_DB_ANON_ROLE"])
    except Refused as refused:
        return 401, {"message": str(refused)}
    schema = env["PGRST_DB_SCHEMAS"].split(",")[0]
    session = connect("rest", env)
    try:
        with session.cursor() as cursor:
            cursor.execute(sql.SQL("SET LOCAL ROLE {}").format(sql.Identifier(role)))
            source = sql.Identifier(schema, table.group(1))
            cursor.execute(sql.SQL("SELECT coalesce(json_agg(t), '[]')::text FROM {} AS t").format(source))
            return 200, json.loads(cursor.fetchone()[0])
    except psycopg2.errors.UndefinedTable as error:
        return 404, {"message": str(error).strip()}
    except psycopg2.errors.InsufficientPrivilege as error:
        return 403, {"message": str(error).strip()}
    finally:
        session.close()
