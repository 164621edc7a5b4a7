"""Tables. Migrations make them; nothing here does."""

from datetime import datetime

from sqlalchemy import BigInteger, CheckConstraint, DateTime, ForeignKey, Identity, Index, Text, func, text
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column


class Base(DeclarativeBase):
    """All tables of the service, in its own schema by the role's search_path."""

    type_annotation_map = {str: Text, datetime: DateTime(timezone=True)}


class Lead(Base):
    __tablename__ = "leads"

    id: Mapped[int] = mapped_column(BigInteger, Identity(), primary_key=True)
    name: Mapped[str]
    message: Mapped[str]
    created_at: Mapped[datetime] = mapped_column(server_default=func.now())


class Task(Base):
    """Something for an agent to do about a lead."""

    __tablename__ = "tasks"
    __table_args__ = (
        CheckConstraint("state IN ('queued', 'running', 'done', 'failed')", name="tasks_state"),
        Index("tasks_lead", "lead_id"),
        Index("tasks_open", "kind", "id", postgresql_where=text("state IN ('queued', 'running')")),
    )

    id: Mapped[int] = mapped_column(BigInteger, Identity(), primary_key=True)
    lead_id: Mapped[int] = mapped_column(ForeignKey("leads.id", ondelete="CASCADE"))
    kind: Mapped[str]
    state: Mapped[str] = mapped_column(server_default="queued")
    """queued, running, done or failed"""
    attempts: Mapped[int] = mapped_column(server_default="0")
    claimed_at: Mapped[datetime | None]
    result: Mapped[str | None]
    created_at: Mapped[datetime] = mapped_column(server_default=func.now())
