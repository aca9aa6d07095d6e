"""A photograph that comes after its report was told to the core is passed on: to the core, or to a clerk.

A report waits a day for its photographs, then goes without. What comes later is found here: it is stored, no
request named it, and the core has its report. In one transaction it becomes an effect of its own, or an
exception with the place of the picture, and counts as told.

Rules:
- Only a core of which the settings say that it takes updates is told; it needs the report's number, so a
  report that has nothing but a receipt yet is waited for.
- The effect's key follows from device, event and photograph: found again after a restore, it is the same.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from hub.core.open311_photographs import NAME
from hub.core.open311_updates import TOKEN
from hub.db.attachment_repository import AttachmentBook, LateBody
from hub.db.engine import Connection
from hub.db.outgoing_repository import OutgoingInserts
from hub.db.register_repositories import ExceptionRepository
from hub.db.writer import Writer
from hub.jobs.media import BODIES
from shared.model.ids import effect_key

LATE: Final = "photograph_late"
"""The kind of the exception that tells a clerk of a photograph that the core was not told of."""
AT_ONCE_MAX: Final = 100
"""Photographs of one transaction; the others come with the next turn."""


@dataclass(frozen=True, slots=True)
class _Source:
    device: str
    id: str


class LatePhotographs:
    """Passes on what comes late; called every so often."""

    def __init__(
        self,
        writer: Writer,
        clock: Callable[[], int],
        work_committed: Callable[[], None],
        *,
        core_takes_them: bool,
    ) -> None:
        """Take what is needed.

        Args:
            writer: the database.
            clock: the hub's time, Unix epoch in milliseconds.
            work_committed: called when there is something for the core.
            core_takes_them: whether the core is told, or a clerk.
        """
        self._writer = writer
        self._clock = clock
        self._work_committed = work_committed
        self._core_takes_them = core_takes_them

    def run(self) -> None:
        """Pass on what is here.

        Raises:
            TransientError: it was not committed; the next turn finds it again.
        """
        without = TOKEN if self._core_takes_them else ""
        with self._writer.read() as connection:
            if not AttachmentBook(connection).late(1, without):
                return
        now_ms = self._clock()

        def job(connection: Connection) -> None:
            book = AttachmentBook(connection)
            late = book.late(AT_ONCE_MAX, without)
            if self._core_takes_them:
                outgoing = OutgoingInserts(connection)
                for body in late:
                    _tell_core(body, outgoing, now_ms)
                outgoing.flush()
            else:
                exceptions = ExceptionRepository(connection)
                for body in late:
                    exceptions.open(LATE, body.device, _place_of(body), now_ms)
                exceptions.flush()
            book.note_told([(body.device, body.sha256) for body in late], now_ms)

        self._writer.run(job)
        if self._core_takes_them:
            self._work_committed()


def _tell_core(body: LateBody, outgoing: OutgoingInserts, now_ms: int) -> None:
    key = effect_key(body.device, body.event_id, f"photograph {body.sha256}")
    said = {
        "reference": body.reference,
        "service_request_id": body.core_ref,
        "status": body.status,
        "at_ms": now_ms,
        BODIES: [{"device": body.device, "sha256": body.sha256}],
    }
    source = _Source(body.device, body.event_id)
    outgoing.add(source, str(key), NAME, body.reference, said, now_ms)


def _place_of(body: LateBody) -> dict[str, object]:
    return {
        "reference": body.reference,
        "core_ref": body.core_ref,
        "event_id": body.event_id,
        "photograph": f"/v1/attachments/{body.device}/{body.sha256}/body",
    }
