"""Reconciliation: whoever kept a list of what was taken in the street asks what became of each event."""

from dataclasses import asdict
from typing import Annotated, Final

from fastapi import APIRouter, Body, Path
from pydantic import BaseModel, Field

from hub.api.parts import Parts
from hub.db.day_reconciliation import reconcile_day
from hub.db.reconciliation import Answered, Asked, reconcile
from hub.domain.cards.days import TerminalDay
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


class SumView(BaseModel):
    """Rides and what they cost."""

    taps: int
    amount_minor: int


class TerminalView(BaseModel):
    """One terminal's day (`hub.domain.cards.days`)."""

    day: str
    device: str
    site: str
    lines: list[str]
    currency: str
    counted: SumView | None
    counts_since_ms: int | None
    arrived: SumView
    booked: SumView
    repeated: SumView
    due: SumView
    settled: SumView
    waiting: int
    stuck: int
    signed: int
    unsigned: int
    doubted: int
    is_desk: bool
    unsettled: int
    differences: list[str]
    remarks: list[str]


class ReconciledDay(BaseModel):
    """Every terminal's day, and every desk's."""

    day: str
    terminals: list[TerminalView]


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

    @router.get("/reconciliation/days/{day}")
    def day(day: Annotated[str, Path(pattern=r"^\d{4}-\d{2}-\d{2}$")]) -> ReconciledDay:
        """Every terminal's day: its own count, the inbox, the journal, the core; and what does not agree."""
        sites = {device.id: device.site for device in parts.room.registry.devices()}
        with parts.writer.read() as connection:
            found = reconcile_day(connection, day, sites)
        return ReconciledDay(day=day, terminals=[_view(one) for one in found])

    return router


def _view(one: TerminalDay) -> TerminalView:
    return TerminalView(**asdict(one), differences=one.differences(), remarks=one.remarks)
