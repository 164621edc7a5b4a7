"""The pool, and whether the database answers."""

import asyncio
import time

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncEngine, create_async_engine

from .settings import Database

ANSWER_SECONDS = 1.0
"""How long a readiness check waits: less than the probe's own time-out."""
REMEMBER_SECONDS = 1.0
"""Probes of many clients are one question to the database."""


def create_engine(database: Database, command_timeout: float | None = 30) -> AsyncEngine:
    """command_timeout: seconds that a statement may take; None for migrations, which take what they need."""
    # The pooler keeps the sessions, so few connections here; one that a failover ended is noticed before it is used.
    return create_async_engine(
        database.url,
        pool_size=5,
        max_overflow=5,
        pool_pre_ping=True,
        pool_recycle=300,
        connect_args={"ssl": database.tls(), "timeout": 5, "command_timeout": command_timeout},
    )


class Readiness:
    """Whether the database answers; asked at most once a second."""

    def __init__(self, engine: AsyncEngine) -> None:
        self.engine = engine
        self.asked = 0.0
        self.answer = False
        self.lock = asyncio.Lock()

    async def __call__(self) -> bool:
        async with self.lock:
            if time.monotonic() - self.asked >= REMEMBER_SECONDS:
                self.answer = await self._ask()
                self.asked = time.monotonic()
        return self.answer

    async def _ask(self) -> bool:
        try:
            async with asyncio.timeout(ANSWER_SECONDS):
                async with self.engine.connect() as connection:
                    await connection.execute(text("SELECT 1"))
            return True
        except Exception:  # Whatever it was: not ready.
            return False
