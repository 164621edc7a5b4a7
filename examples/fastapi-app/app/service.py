"""What the API and the agents have in common: the pool's life, health, metrics."""

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager

from fastapi import FastAPI, Request, Response
from prometheus_client import CONTENT_TYPE_LATEST, generate_latest
from sqlalchemy.ext.asyncio import AsyncEngine

from .database import Readiness, create_engine
from .metrics import REQUESTS
from .settings import Settings, read

Extra = Callable[[Settings, AsyncEngine], AbstractAsyncContextManager[None]]


def create_service(title: str, extra: Extra | None = None) -> FastAPI:
    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        settings = read()
        engine = create_engine(settings.database)
        app.state.engine, app.state.ready = engine, Readiness(engine)
        try:
            if extra is None:
                yield
            else:
                async with extra(settings, engine):
                    yield
        finally:
            await engine.dispose()

    app = FastAPI(title=title, lifespan=lifespan)

    @app.middleware("http")
    async def count(request: Request, call_next: Callable[[Request], Awaitable[Response]]) -> Response:
        response = await call_next(request)
        REQUESTS.labels(request.method, response.status_code).inc()
        return response

    @app.get("/healthz")
    async def healthz() -> dict[str, str]:
        """Asks nobody: a failover of the database must not restart every pod."""
        return {"status": "ok"}

    @app.get("/readyz")
    async def readyz(response: Response) -> dict[str, str]:
        ready = await app.state.ready()
        response.status_code = 200 if ready else 503
        return {"database": "ok" if ready else "does not answer"}

    @app.get("/metrics")
    async def metrics() -> Response:
        return Response(generate_latest(), media_type=CONTENT_TYPE_LATEST)

    return app
