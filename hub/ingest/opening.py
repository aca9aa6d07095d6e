"""Opening: from a line's sealed text to an event that the domains understand.

A context is opened once and kept, as many as `CONTEXTS_KEPT`; the least used go first. A line that cannot be
opened has a fault instead of an event, for a clerk to read; a fault shows nothing of what was said.
"""

from collections import OrderedDict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from hashlib import sha256
from typing import Any, Final
from uuid import NAMESPACE_OID, uuid5

from shared.model.attachment import Attachment, read_attachments
from shared.model.errors import InputError
from shared.model.event import Event
from shared.model.fields import INTEGER_MAX, whole
from shared.model.instants import from_rfc3339
from shared.protocol.delivery import PROMISED, HubEpoch
from shared.protocol.lines import Line, read_line
from shared.protocol.parsing import ParseError, as_object, encode, parse_object
from shared.protocol.sealing import (
    HubSealingKey,
    OpenedContext,
    SealedContext,
    SealError,
    context_of,
    place_of,
)

CONTEXTS_KEPT: Final = 4096


@dataclass(frozen=True, slots=True)
class OpenedLine:
    """A line, as far as it could be understood.

    Attributes:
        line: the line; one that is malformed has a made-up id that follows from its bytes.
        body: what makes two events with one id the same: a hash of type, subject and data.
        event: the event; None where there is a fault.
        fault: why it cannot be taken; None where there is an event.
    """

    line: Line
    body: bytes
    event: Event | None
    fault: str | None


class Opener:
    """Opens contexts and lines with the hub's sealing keys, the current one and retired ones."""

    def __init__(self, keys: Sequence[HubSealingKey]) -> None:
        """Take the hub's sealing keys, the current one first."""
        self._keys = keys
        self._opened: OrderedDict[tuple[str, str, str], OpenedContext] = OrderedDict()

    def read(
        self, device: str, here: HubEpoch, seq: int, raw: bytes, contexts: Mapping[str, str]
    ) -> OpenedLine:
        """Understand a line; a line that cannot be is described, never raised.

        Args:
            device: who wrote it.
            here: the epoch in which it stands.
            seq: its number.
            raw: its bytes.
            contexts: the sealed contexts that came with it.
        """
        try:
            line = read_line(raw, seq)
        except InputError as error:
            made_up = str(uuid5(NAMESPACE_OID, f"{device}|{here.stream}|{here.epoch}|{raw.hex()}"))
            return OpenedLine(
                Line(seq, made_up, "malformed", {}, raw), _hash(raw), None, f"malformed: {error}"
            )
        try:
            data, plain = self._data(device, here, line, contexts)
            event = _event(device, here, line, data)
        except InputError as error:
            return OpenedLine(line, _hash(raw), None, f"cannot be opened: {error}")
        subject = (event.subject or "").encode()
        if "attachments" in line.members:
            # Given again, a photograph is sealed anew: the event is the same all the same.
            plain = encode({name: value for name, value in data.items() if name != "attachments"})
        return OpenedLine(line, _hash(b"%s\0%s\0%s" % (line.type.encode(), subject, plain)), event, None)

    def attachments(
        self, device: str, here: HubEpoch, seq: int, raw: bytes, contexts: Mapping[str, str]
    ) -> Sequence[Attachment]:
        """Return the bodies that a line's sealed data names, with their keys; arguments as in `read`.

        Raises:
            InputError: the line cannot be opened.
        """
        data, _ = self._data(device, here, read_line(raw, seq), contexts)
        return read_attachments(data)

    def _data(
        self, device: str, here: HubEpoch, line: Line, contexts: Mapping[str, str]
    ) -> tuple[Mapping[str, Any], bytes]:
        if here.stream in PROMISED:
            plain = self._unseal(device, here, line, contexts)
            return parse_object(plain), plain
        data = as_object(line.members.get("data"), "data")
        return data, encode(data)

    def _unseal(self, device: str, here: HubEpoch, line: Line, contexts: Mapping[str, str]) -> bytes:
        sealed: Any = line.members.get("sealed")
        if type(sealed) is not str:
            message = "An event of this stream must be sealed; update the device."
            raise ParseError(message)
        name = context_of(sealed)
        if name not in contexts:
            message = "The context under which the event is sealed did not come with it."
            raise SealError(message)
        place = place_of(device, here.stream, here.epoch, line.seq, line.id, line.type)
        return self._context(device, name, contexts[name]).open(place, sealed)

    def _context(self, device: str, name: str, sealed: str) -> OpenedContext:
        kept = (device, name, sealed)
        opened = self._opened.get(kept)
        if opened is None:
            opened = self._open_context(device, SealedContext(name, sealed))
            self._opened[kept] = opened
            if len(self._opened) > CONTEXTS_KEPT:
                self._opened.popitem(last=False)
        else:
            self._opened.move_to_end(kept)
        return opened

    def _open_context(self, device: str, context: SealedContext) -> OpenedContext:
        for key in self._keys:
            try:
                return key.open(device, context)
            except SealError:
                continue
        raise SealError(SealError.__doc__)


def _event(device: str, here: HubEpoch, line: Line, data: Mapping[str, Any]) -> Event:
    members = line.members
    return Event(
        device=device,
        stream=here.stream,
        epoch=here.epoch,
        seq=line.seq,
        id=line.id,
        type=line.type,
        time_ms=from_rfc3339(members.get("time", "")),
        boot=whole(members, "boot", 0, INTEGER_MAX),
        uptime_ms=whole(members, "uptime_ms", 0, INTEGER_MAX),
        clock_age_s=whole(members, "clock_age_s", 0, INTEGER_MAX) if "clock_age_s" in members else None,
        subject=members.get("subject"),
        data=data,
        line=line.raw,
    )


def _hash(body: bytes) -> bytes:
    return sha256(body).digest()[:16]
