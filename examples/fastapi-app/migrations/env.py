"""Migrations straight to the primary, one run at a time: a second one waits for the first, and finds nothing to do."""

import asyncio
from logging.config import fileConfig

from alembic import context
from sqlalchemy import text
from sqlalchemy.engine import Connection

from app.database import create_engine
from app.models import Base
from app.settings import read_database

fileConfig(context.config.config_file_name, disable_existing_loggers=False)

ONE_AT_A_TIME = 7_240_701
"""Key of the advisory lock. Any number would do; every run must use the same."""


def migrate(connection: Connection) -> None:
    context.configure(connection=connection, target_metadata=Base.metadata, transaction_per_migration=True)
    with context.begin_transaction():
        context.run_migrations()


async def online() -> None:
    engine = create_engine(read_database(), command_timeout=None)
    try:
        # The lock has a transaction of its own, and lives as long as that: a pooler between would hand a session on.
        async with engine.connect() as lock, engine.connect() as connection:
            for timeout in ("lock_timeout", "idle_in_transaction_session_timeout"):
                await lock.execute(text(f"SET LOCAL {timeout} = 0"))
            await lock.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": ONE_AT_A_TIME})
            await connection.run_sync(migrate)
            await connection.commit()
    finally:
        await engine.dispose()


asyncio.run(online())
