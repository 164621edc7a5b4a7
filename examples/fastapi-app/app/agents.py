"""The agents: each takes one task after another from the queue and asks the model."""

import asyncio
import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from sqlalchemy.exc import DBAPIError, SQLAlchemyError
from sqlalchemy.ext.asyncio import AsyncEngine

from .metrics import QUEUE, TASKS
from .provider import Model
from .queue import Claim, Queue
from .service import create_service
from .settings import KINDS, Settings

NEXT = {"lead_analysis": "follow_up"}
IDLE_SECONDS = 1.0
RETRY_SECONDS = 2.0
log = logging.getLogger("uvicorn.error")


class Agent:
    def __init__(self, kind: str, queue: Queue, model: Model) -> None:
        self.kind, self.queue, self.model = kind, queue, model

    async def run(self) -> None:
        """Until it is cancelled; a task that it has then goes back into the queue."""
        while True:
            try:
                claim = await self.queue.claim(self.kind)
                if claim is None:
                    await asyncio.sleep(IDLE_SECONDS)
                else:
                    await self.work(claim)
            except (SQLAlchemyError, DBAPIError, OSError) as error:
                # The database is on its way back. What was claimed is another's when its lease ends.
                log.warning("%s: the database does not answer: %s", self.kind, type(error).__name__)
                await asyncio.sleep(RETRY_SECONDS)

    async def work(self, claim: Claim) -> None:
        try:
            result = await self.model.answer(self.kind, claim.message)
            await self.queue.finish(claim, result, NEXT.get(self.kind))
            TASKS.labels(self.kind, "done").inc()
        except asyncio.CancelledError:
            await asyncio.shield(self.queue.give_back(claim, free=True))
            raise
        except SQLAlchemyError:
            raise
        except Exception as error:  # Whatever the provider or its answer was: the next task may fare better.
            log.warning("%s: task %s: %s", self.kind, claim.id, type(error).__name__)
            await self.queue.give_back(claim, free=False)
            TASKS.labels(self.kind, "failed").inc()
            await asyncio.sleep(RETRY_SECONDS)


async def watch(queue: Queue) -> None:
    """Keeps the sizes of the queue for Prometheus."""
    while True:
        try:
            sizes = await queue.sizes()
            for kind in KINDS:
                for state in ("queued", "running", "failed"):
                    QUEUE.labels(kind, state).set(sizes.get((kind, state), 0))
        except (SQLAlchemyError, OSError):
            pass
        await asyncio.sleep(5)


@asynccontextmanager
async def agents(settings: Settings, engine: AsyncEngine) -> AsyncIterator[None]:
    if settings.provider is None:
        raise RuntimeError("no agent is configured: set AGENTS_LEAD_ANALYSIS or AGENTS_FOLLOW_UP")
    queue, model = Queue(engine), Model(settings.provider)
    workers = [Agent(kind, queue, model).run() for kind, count in settings.agents.items() for _ in range(count)]
    running = [asyncio.create_task(each) for each in [*workers, watch(queue)]]
    try:
        yield
    finally:
        for each in running:
            each.cancel()
        await asyncio.gather(*running, return_exceptions=True)
        await model.close()


app = create_service("agents", agents)
