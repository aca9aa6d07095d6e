"""What waits for a clerk: quarantine, loss records, exceptions, and effects that the core did not take."""

from typing import Annotated, Final, Literal

from fastapi import APIRouter, Path, Query
from pydantic import BaseModel, Field

from hub.api.devices import Limit, Released
from hub.api.errors import NoSuchThingError
from hub.api.parts import Parts
from hub.db import clerk_listings as listings
from hub.db.clerk_listings import ExceptionRow, LossRow, OutgoingRow, QuarantineRow, Wanted
from hub.db.engine import Connection
from hub.db.outgoing_repository import REPLAY_ROWS_MAX, OutgoingRepository, Replay, State
from hub.db.paging import Page
from shared.model.errors import ConflictError, InputError
from shared.model.event import Stream
from shared.model.fields import INTEGER_MAX

After = Annotated[int, Query(ge=0, le=INTEGER_MAX)]
Number = Annotated[int, Path(ge=1, le=INTEGER_MAX)]
DeviceName = Annotated[str | None, Query(pattern=r"^[a-z0-9-]{1,32}$")]
_ALWAYS_MS: Final = 253_402_300_800_000
"""The year 10000."""
Kind = Annotated[str | None, Query(max_length=64)]


class NotHeldError(ConflictError):
    """This effect waits for nobody's word: it is under way, or done; list the outgoing work again."""


class FoundInCore(BaseModel):
    """A clerk found an effect in the core."""

    core_ref: str = Field(min_length=1, max_length=200)


class ReplayWanted(BaseModel):
    """Which effects to send again; what is done only of a time that is named."""

    state: Literal["dead", "undecided", "done"] = "dead"
    connector: str | None = Field(default=None, max_length=64)
    since_ms: int = Field(default=0, ge=0, le=_ALWAYS_MS)
    until_ms: int = Field(default=_ALWAYS_MS, ge=0, le=_ALWAYS_MS)


def clerk_router(parts: Parts) -> APIRouter:
    """Return the routes of a clerk's work."""
    router = APIRouter()
    router.include_router(_quarantine_router(parts), tags=["quarantine"])
    router.include_router(_records_router(parts), tags=["records"])
    router.include_router(_replay_router(parts), tags=["outgoing"])
    router.include_router(_outgoing_router(parts), tags=["outgoing"])
    return router


def _quarantine_router(parts: Parts) -> APIRouter:
    router = APIRouter(prefix="/quarantine")

    @router.get("")
    def quarantine(
        device: DeviceName = None,
        stream: Stream | None = None,
        state: Literal["waiting", "released", "discarded"] | None = "waiting",
        after: After = 0,
        limit: Limit = 100,
    ) -> Page[QuarantineRow]:
        """Lines that were set aside, with the reason; not what they say."""
        wanted = Wanted(after=after, limit=limit, device=device, state=state, kind=stream)
        with parts.writer.read() as connection:
            return listings.list_quarantine(connection, wanted)

    @router.post("/{number}/release")
    def release(number: Number) -> Released:
        """Take a line after all, and what waits behind it."""
        decided = parts.clerk.release_line(number)
        return Released(events_taken=decided.taken, events_waiting=decided.waiting)

    @router.post("/{number}/discard")
    def discard(number: Number) -> Released:
        """Decide that a line has no effect, ever; what waits behind it is taken."""
        decided = parts.clerk.discard_line(number)
        return Released(events_taken=decided.taken, events_waiting=decided.waiting)

    return router


def _records_router(parts: Parts) -> APIRouter:
    router = APIRouter()

    @router.get("/losses")
    def losses(
        device: DeviceName = None,
        stream: Stream | None = None,
        *,
        unresolved: bool = False,
        after: After = 0,
        limit: Limit = 100,
    ) -> Page[LossRow]:
        """What cannot come any more: device, stream, epoch, from, to, reason."""
        wanted = Wanted(after=after, limit=limit, device=device, kind=stream, unresolved=unresolved)
        with parts.writer.read() as connection:
            return listings.list_losses(connection, wanted)

    @router.get("/exceptions")
    def exceptions(
        kind: Kind = None,
        device: DeviceName = None,
        *,
        unresolved: bool = True,
        after: After = 0,
        limit: Limit = 100,
    ) -> Page[ExceptionRow]:
        """Cases that somebody must look at."""
        wanted = Wanted(after=after, limit=limit, device=device, kind=kind, unresolved=unresolved)
        with parts.writer.read() as connection:
            return listings.list_exceptions(connection, wanted)

    @router.post("/exceptions/{number}/resolve")
    def resolve(number: Number) -> dict[str, bool]:
        """Close a case."""

        def job(connection: Connection) -> bool:
            return listings.resolve_exception(connection, number, parts.clock())

        if not parts.writer.run(job):
            raise NoSuchThingError(NoSuchThingError.__doc__)
        return {"resolved": True}

    return router


def _replay_router(parts: Parts) -> APIRouter:
    router = APIRouter(prefix="/outgoing")

    @router.post("/replay")
    def replay_some(wanted: ReplayWanted) -> dict[str, int]:
        """Send again, under their keys, effects that are dead or undecided, or that were done in a time."""
        if wanted.state == "done" and not (wanted.since_ms and wanted.until_ms < _ALWAYS_MS):
            raise InputError("what is done is sent again of a time that is named; add since_ms and until_ms")
        chosen = Replay(
            state=State(wanted.state),
            connector=wanted.connector,
            since_ms=wanted.since_ms,
            until_ms=wanted.until_ms,
        )
        replayed = 0
        while True:
            some = parts.writer.run(
                lambda connection: OutgoingRepository(connection).replay_some(chosen, parts.clock())
            )
            replayed += some
            parts.work_committed()
            if some < REPLAY_ROWS_MAX:
                return {"replayed": replayed}

    return router


def _outgoing_router(parts: Parts) -> APIRouter:
    router = APIRouter(prefix="/outgoing")

    def held(connection: Connection, number: int) -> OutgoingRow:
        row = listings.outgoing_work(connection, number)
        if row is None:
            raise NoSuchThingError(NoSuchThingError.__doc__)
        if row.state not in {State.DEAD, State.UNDECIDED}:
            raise NotHeldError(NotHeldError.__doc__)
        return row

    @router.get("")
    def outgoing(
        connector: Kind = None,
        state: State | None = None,
        device: DeviceName = None,
        after: After = 0,
        limit: Limit = 100,
    ) -> Page[OutgoingRow]:
        """Effects on their way to the core, without their bodies."""
        wanted = Wanted(after=after, limit=limit, device=device, state=state, kind=connector)
        with parts.writer.read() as connection:
            return listings.list_outgoing(connection, wanted)

    @router.post("/{number}/replay")
    def replay(number: Number) -> dict[str, bool]:
        """Send a dead or undecided effect again, under its key."""

        def job(connection: Connection) -> bool:
            return OutgoingRepository(connection).replay(held(connection, number).id, parts.clock())

        replayed = parts.writer.run(job)
        parts.work_committed()
        return {"replayed": replayed}

    @router.post("/{number}/done")
    def done(number: Number, found: FoundInCore) -> dict[str, bool]:
        """Note that a clerk found a dead or undecided effect in the core; what waits behind it goes on."""

        def job(connection: Connection) -> None:
            settled = [(held(connection, number).id, found.core_ref)]
            OutgoingRepository(connection).done(settled, parts.clock())

        parts.writer.run(job)
        parts.work_committed()
        return {"done": True}

    return router
