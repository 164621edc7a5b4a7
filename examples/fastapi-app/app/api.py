"""The API: leads come in, and what agents made of them can be read."""

from fastapi import HTTPException
from pydantic import BaseModel, Field
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from .models import Lead, Task
from .service import create_service

app = create_service("leads")


class NewLead(BaseModel):
    name: str = Field(min_length=1, max_length=200)
    message: str = Field(min_length=1, max_length=10_000)


class TaskView(BaseModel):
    kind: str
    state: str
    result: str | None


class LeadView(BaseModel):
    id: int
    name: str
    tasks: list[TaskView]


@app.post("/leads", status_code=201)
async def create_lead(new: NewLead) -> LeadView:
    async with AsyncSession(app.state.engine) as session, session.begin():
        lead = Lead(name=new.name, message=new.message)
        session.add(lead)
        await session.flush()
        session.add(Task(lead_id=lead.id, kind="lead_analysis"))
        id = lead.id
    return LeadView(id=id, name=new.name, tasks=[TaskView(kind="lead_analysis", state="queued", result=None)])


@app.get("/leads/{id}")
async def read_lead(id: int) -> LeadView:
    async with AsyncSession(app.state.engine) as session:
        lead = await session.get(Lead, id)
        if lead is None:
            raise HTTPException(404, f"there is no lead {id}")
        tasks = await session.scalars(select(Task).where(Task.lead_id == id).order_by(Task.id))
        views = [TaskView(kind=task.kind, state=task.state, result=task.result) for task in tasks]
    return LeadView(id=lead.id, name=lead.name, tasks=views)
