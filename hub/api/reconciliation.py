"""Reconciliation: whoever kept a list of what was taken in the street asks what became of each event."""

from typing import Annotated, Final

from fastapi import APIRouter, Body
from pydantic import BaseModel, Field

from hub.api.parts import Parts
from hub.db.reconciliation import Answered, Asked, reconcile
from shared.model.event import Stream

ASKED_MAX: Final = 2_000


class AskedEvent(BaseModel):
    """An event as the asker knows it: its id, and its place in the device's outbox."""

    device: str = Field(pattern=r"^[a-z0-9-]{1,32}$")
    event_id: str = Field(pattern=r"^[0-9a-f-]{36}$")
    stream: Stream
    epoch: str = Field(pattern=r"^[0-9a-f]{8}$")
    seq: int = Field(ge=1, lt=2**53)


class Reconciled(BaseModel):
    """What became of the events, in the order of the question."""

    events: list[Answered]


def reconciliation_router(parts: Parts) -> APIRouter:
    """Return the route of reconciliation."""
    router = APIRouter(tags=["reconciliation"])

    @router.post("/reconciliation")
    def reconciliation(
        events: Annotated[list[AskedEvent], Body(max_length=ASKED_MAX)],
    ) -> Reconciled:
        """Tell of each event: committed, quarantined, discarded, lost (with a record), or unknown."""
        asked = [Asked(**event.model_dump()) for event in events]
        with parts.writer.read() as connection:
            return Reconciled(events=reconcile(connection, asked))

    return router
