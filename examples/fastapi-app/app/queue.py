"""The queue of tasks: a table, so that a task is never lost and never done by two agents at once."""

from dataclasses import dataclass

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncEngine

LEASE = "5 minutes"
"""A task that an agent has had for longer is another's: the agent has died with it."""
ATTEMPTS = 3

CLAIM = text(f"""
    UPDATE tasks SET state = 'running', attempts = attempts + 1, claimed_at = now()
    WHERE id = (
      SELECT id FROM tasks
      WHERE kind = :kind AND (state = 'queued' OR state = 'running' AND claimed_at < now() - interval '{LEASE}')
      ORDER BY id LIMIT 1 FOR UPDATE SKIP LOCKED
    )
    RETURNING id, lead_id, attempts, (SELECT message FROM leads WHERE leads.id = tasks.lead_id) AS message
""")
DONE = text("UPDATE tasks SET state = 'done', result = :result WHERE id = :id AND attempts = :attempts")
NEXT = text("INSERT INTO tasks (lead_id, kind) VALUES (:lead_id, :kind)")
GIVE_BACK = text(
    "UPDATE tasks SET state = CASE WHEN attempts < :most OR :free THEN 'queued' ELSE 'failed' END, "
    "attempts = attempts - CASE WHEN :free THEN 1 ELSE 0 END, claimed_at = NULL "
    "WHERE id = :id AND attempts = :attempts AND state = 'running'"
)
SIZES = text("SELECT kind, state, count(*) FROM tasks WHERE state IN ('queued', 'running', 'failed') GROUP BY kind, state")


@dataclass(frozen=True)
class Claim:
    id: int
    lead_id: int
    attempts: int
    message: str


class Queue:
    def __init__(self, engine: AsyncEngine) -> None:
        self.engine = engine

    async def claim(self, kind: str) -> Claim | None:
        async with self.engine.begin() as connection:
            row = (await connection.execute(CLAIM, {"kind": kind})).first()
        return Claim(*row) if row else None

    async def finish(self, claim: Claim, result: str, then: str | None) -> None:
        """The result and the task that follows from it, or neither: another agent may have the task by now."""
        async with self.engine.begin() as connection:
            values = {"id": claim.id, "attempts": claim.attempts, "result": result}
            done = await connection.execute(DONE, values)
            if done.rowcount and then:
                await connection.execute(NEXT, {"lead_id": claim.lead_id, "kind": then})

    async def give_back(self, claim: Claim, *, free: bool) -> None:
        """free: it was not the task's fault, so the attempt does not count."""
        async with self.engine.begin() as connection:
            values = {"id": claim.id, "attempts": claim.attempts, "most": ATTEMPTS, "free": free}
            await connection.execute(GIVE_BACK, values)

    async def sizes(self) -> dict[tuple[str, str], int]:
        async with self.engine.connect() as connection:
            return {(kind, state): n for kind, state, n in await connection.execute(SIZES)}
