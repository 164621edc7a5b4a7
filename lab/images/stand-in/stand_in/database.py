"""Whether the role can connect, may what its service's first migration does, and no more."""

import psycopg2

from .requirements import RIGHTS, connection

TIMEOUT = {"connect_timeout": 3, "options": "-c statement_timeout=3000"}


def connect(service: str, env: dict[str, str]):
    return psycopg2.connect(**(connection(service, env) or {}), **TIMEOUT)


def _refusal(cursor, statement: str) -> str | None:
    """The server's words, or None; nothing stays of it."""
    cursor.execute("SAVEPOINT before")
    try:
        cursor.execute(statement)
    except psycopg2.errors.InsufficientPrivilege as error:
        return str(error).strip().splitlines()[0]
    finally:
        cursor.execute("ROLLBACK TO SAVEPOINT before")
    return None


def wrong_rights(service: str, env: dict[str, str]) -> list[str]:
    """A sentence for each right that is missing or too much. Raises psycopg2.Error when nobody is let in."""
    if service not in RIGHTS:
        return []
    session = connect(service, env)
    try:
        with session.cursor() as cursor:
            found = [(statement, wanted, _refusal(cursor, statement)) for statement, wanted in RIGHTS[service]]
    finally:
        session.rollback()
        session.close()
    return [
        f"{statement}: {refusal or 'may, and must not'}"
        for statement, wanted, refusal in found
        if (refusal is None) is not wanted
    ]
