"""Intake: one device's lines in one transaction, each taken once.

`Intake` is the `Sink` that delivery walks a frame into. A line's id decides whether it is new; a line that
cannot be understood is quarantined, and so is new money of a fenced device and what waits behind a
quarantined event of the same subject. Nothing that a line says can make this fail: only the database can.
"""

from collections.abc import Mapping
from typing import Final

from hub.db.unit_of_work import UnitOfWork
from hub.ingest.legal_time import dated
from hub.ingest.opening import OpenedLine, Opener
from hub.ingest.ports import KeyBook
from hub.usecases.take_event import take
from shared.model.attachment import read_envelopes
from shared.model.errors import InputError
from shared.model.event import Event, Stream
from shared.protocol.delivery import HubEpoch, LossReason
from shared.protocol.lines import Line


class Intake:
    """What happens to one device's lines."""

    def __init__(self, device: str, uow: UnitOfWork, keys: KeyBook, opener: Opener, now_ms: int) -> None:
        """Begin for one device in one transaction."""
        self.contexts: Mapping[str, str] = {}
        self._kept = self.contexts
        self._ahead: dict[tuple[Stream, str, int, bytes], OpenedLine] = {}
        self._device = device
        self._uow = uow
        self._book = uow.delivery
        self._keys = keys
        self._opener = opener
        self._now_ms = now_ms

    @property
    def fenced(self) -> bool:
        """Whether the device takes no new money."""
        return self._keys.is_fenced(self._device)

    def read_ahead(self, here: HubEpoch, seq: int, raw: bytes, contexts: Mapping[str, str]) -> OpenedLine:
        """Open a line before it is decided on, so that many can be looked up at once."""
        opened = self._opener.read(self._device, here, seq, raw, contexts)
        self._ahead[here.stream, here.epoch, seq, raw] = opened
        return opened

    def knows(self, epoch: HubEpoch, seq: int, raw: bytes) -> bool:
        """Tell whether the hub holds an event with this line's id."""
        return self._book.known(self._device, self._read(epoch, seq, raw).line.id) is not None

    def take(self, epoch: HubEpoch, seq: int, raw: bytes) -> None:
        """Apply a line once by its id, or quarantine it."""
        opened = self._read(epoch, seq, raw)
        held = self._book.known(self._device, opened.line.id)
        if held is None:
            self._accept(epoch, opened)
            if opened.event is None:
                self._quarantine(epoch, opened.line, opened.fault or "")
            else:
                self._apply(epoch, opened.event, opened.line)
        elif held != opened.body and opened.event is not None:
            self._contradict(epoch, opened.line)
        if epoch.reopened or epoch.forked:
            self._book.found(self._device, epoch, seq)

    def lose(
        self, epoch: HubEpoch, first: int, last: int, reason: LossReason, *, possibly_more: bool
    ) -> None:
        """Record that numbers `first` to `last` cannot come any more."""
        self._book.lose(
            self._device, epoch, first, last, reason, possibly_more=possibly_more, at_ms=self._now_ms
        )

    def fence(self, epoch: HubEpoch, reason: LossReason) -> None:
        """Fence the device, and tell a clerk.

        The registry is written at once, the exception with the transaction: where that fails, the device is
        fenced already when the lines come again, and the clerk is still told.
        """
        if not self.fenced:
            self._keys.fence(self._device, reason)
        if not self._uow.exceptions.is_open(FORK, self._device):
            self._raise(FORK, epoch, reason=reason.value)

    def _contradict(self, epoch: HubEpoch, line: Line) -> None:
        """Set a line aside that has another event's id, once: it comes again with every decision by ids."""
        if not self._book.is_set_aside(self._device, line):
            self._keep_contexts()
            self._quarantine(epoch, line, "another event has this id")
            self._raise("same_id_other_body", epoch, seq=line.seq, event_id=line.id)

    def _apply(self, epoch: HubEpoch, event: Event, line: Line) -> None:
        if epoch.stream is Stream.PAYMENTS and self.fenced:
            self._quarantine(epoch, line, FENCED)
        elif epoch.stream is Stream.CASES and self._waits(event):
            self._quarantine(epoch, line, "an earlier event of the same subject waits")
        else:
            try:
                take(dated(event, self._uow, self._keys, self._now_ms), self._uow, self._now_ms)
            except InputError as error:
                self._quarantine(epoch, line, str(error))

    def _waits(self, event: Event) -> bool:
        return event.subject is not None and self._book.waits(self._device, event.subject)

    def _accept(self, epoch: HubEpoch, opened: OpenedLine) -> None:
        line = opened.line
        self._book.accept(self._device, epoch, line, opened.body, self._now_ms)
        if "attachments" in line.members:
            envelopes = read_envelopes(line.members)
            self._uow.attachments.announce(self._device, line.id, envelopes, self._now_ms)
        self._keep_contexts()

    def _keep_contexts(self) -> None:
        """Keep the frame's contexts with its first line that is kept."""
        if self.contexts is not self._kept:
            self._book.keep_contexts(self._device, self.contexts)
            self._kept = self.contexts

    def _read(self, epoch: HubEpoch, seq: int, raw: bytes) -> OpenedLine:
        opened = self._ahead.get((epoch.stream, epoch.epoch, seq, raw))
        return opened if opened is not None else self.read_ahead(epoch, seq, raw, self.contexts)

    def _quarantine(self, epoch: HubEpoch, line: Line, reason: str) -> None:
        self._book.quarantine(self._device, epoch, line, reason, self._now_ms)

    def _raise(self, kind: str, epoch: HubEpoch, **detail: object) -> None:
        about = {"stream": epoch.stream.value, "epoch": epoch.epoch, **detail}
        self._book.raise_exception(kind, self._device, about, self._now_ms)


FENCED: Final = "the device is fenced"
FORK: Final = "fork"
"""The kind of the exception that tells of a disk with two lives."""
