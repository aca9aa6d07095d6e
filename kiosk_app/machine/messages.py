"""What the two processes of a kiosk say to each other, member by member. Pure.

The screen's process asks, each question with a number; the owner answers under that number:

    {"ask":"place","n":1,"stream":"cases"}                        {"answer":1,"place":{…}}
    {"ask":"append","n":2,"place":{…},"id":"…","context":[…]} +line  {"answer":2,"taken":{…}}
    {"ask":"reference","n":3,"id":"…"}                            {"answer":3,"text":"7KXM-2PRT-94V7"}
    {"ask":"receipt","n":4,"id":"…"}                              {"answer":4,"text":"VT1:…"}
    {"ask":"keep","n":5,"id":"…","envelope":{…}} +sealed body     {"answer":5}
    {"ask":"discard","n":6,"id":"…"}                              {"answer":6}
    {"ask":"hub","n":7,"what":"case","about":"…"}                 {"answer":7,"said":{…}}
    {"ask":"card","n":8,"talk":"","body":{…}}                     {"answer":8,"said":{…}}
                                                                  {"answer":9,"failed":"capacity","why":"…"}

and says without a number: {"say":"beat"}, {"say":"leave"}, {"say":"health","parts":{…}}. What the owner tells
by itself begins with `tell` (`told`).

Rule: nothing of what a citizen said passes in the clear, but for the code of a question to the hub. An
order for a card is sealed, its verdict too; what passes between them are the bytes that a card sees.
"""

from collections.abc import Mapping, Sequence
from typing import Any, Final

from shared.adapters.outbox import StaleSlotError
from shared.edge.seam import Place, SealedLine, Taken
from shared.model.errors import (
    CapacityError,
    DeviceError,
    InputError,
    TransientError,
    VentanillaError,
)
from shared.model.event import Stream
from shared.model.fields import choice, text, whole
from shared.model.ids import check_event_id
from shared.protocol import limits
from shared.protocol.parsing import ParseError, as_list, as_object, number

WHY_LENGTH_MAX: Final = 2_000
_EPOCH_LENGTH: Final = 8
_SEALED_LENGTH_MAX: Final = 4_096
_UPTIME_LEAST: Final = -(2**53)


def place_members(place: Place) -> dict[str, Any]:
    """Write a place."""
    return {
        "stream": place.stream.value,
        "epoch": place.epoch,
        "seq": place.seq,
        "boot": place.boot,
        "agreed_uptime_ms": place.agreed_uptime_ms,
        "offset_ms": place.offset_ms,
    }


def read_place(value: object) -> Place:
    """Read a place.

    Raises:
        InputError: it is none.
    """
    members = as_object(value, "place")
    return Place(
        stream=choice(members, "stream", Stream),
        epoch=text(members, "epoch", _EPOCH_LENGTH),
        seq=number(members, "seq", 1),
        boot=number(members, "boot"),
        agreed_uptime_ms=_number_or_none(members, "agreed_uptime_ms"),
        offset_ms=_number_or_none(members, "offset_ms"),
    )


def line_members(line: SealedLine) -> dict[str, Any]:
    """Write what is said of a line; its bytes are the message's body."""
    context = None if line.context is None else list(line.context)
    return {"place": place_members(line.place), "id": line.event_id, "context": context, "key": line.key}


def read_line_members(members: Mapping[str, Any], body: bytes) -> SealedLine:
    """Read a line.

    Raises:
        InputError: it is none, or longer than a line may be.
    """
    if not 0 < len(body) <= limits.LINE_BYTES_MAX:
        raise ParseError("A line is longer than a line may be; shorten the text.")
    return SealedLine(
        place=read_place(members.get("place")),
        event_id=check_event_id(members.get("id")),
        line=body,
        context=_context(members.get("context")),
        key=None if members.get("key") is None else text(members, "key", limits.SUBJECT_LENGTH_MAX),
    )


def taken_members(taken: Taken) -> dict[str, Any]:
    """Write the owner's word."""
    return {
        "id": taken.event_id,
        "stream": taken.stream.value,
        "epoch": taken.epoch,
        "seq": taken.seq,
        "next": None if taken.next is None else place_members(taken.next),
    }


def read_taken(value: object) -> Taken:
    """Read the owner's word.

    Raises:
        InputError: it is none.
    """
    members = as_object(value, "taken")
    return Taken(
        event_id=check_event_id(members.get("id")),
        stream=choice(members, "stream", Stream),
        epoch=text(members, "epoch", _EPOCH_LENGTH),
        seq=number(members, "seq", 1),
        next=None if members.get("next") is None else read_place(members["next"]),
    )


def failed_members(error: VentanillaError) -> dict[str, Any]:
    """Write why something was not done."""
    kind = next(name for name, family in _FAMILIES.items() if isinstance(error, family))
    return {"failed": kind, "why": str(error)[:WHY_LENGTH_MAX]}


def read_failed(members: Mapping[str, Any]) -> VentanillaError | None:
    """Read why something was not done; None where it was.

    Raises:
        InputError: it is neither.
    """
    if "failed" not in members:
        return None
    kind, why = text(members, "failed", 32), text(members, "why", WHY_LENGTH_MAX)
    family = _FAMILIES.get(kind)
    if family is None:
        raise ParseError("A failure is of no known family; update the older process.")
    return family(why)


def _number_or_none(members: Mapping[str, Any], name: str) -> int | None:
    return None if members.get(name) is None else whole(members, name, _UPTIME_LEAST, -_UPTIME_LEAST)


def _context(value: object) -> tuple[str, str] | None:
    if value is None:
        return None
    items: Sequence[Any] = as_list(value, "context")
    if len(items) != 2:  # noqa: PLR2004 - a name and its sealed form
        raise ParseError("A context is its name and its sealed form.")
    pair: dict[str, object] = dict(zip(("id", "sealed"), items, strict=True))
    return text(pair, "id", limits.CONTEXT_ID_LENGTH_MAX), text(pair, "sealed", _SEALED_LENGTH_MAX)


_FAMILIES: Final[Mapping[str, type[VentanillaError]]] = {
    "stale": StaleSlotError,
    "input": InputError,
    "capacity": CapacityError,
    "device": DeviceError,
    "transient": TransientError,
    "failed": VentanillaError,
}
