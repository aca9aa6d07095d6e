"""Happenings: events before they are taken, checked so that a wrong one costs nothing.

`happening` is the one gate: type, data and subject are held against the model here, **before** sealing;
behind it nobody on the device can read them any more. An event's lane follows from its type.

Not here: JSON (`event_lines`), sealing (`teller`), what an event means to the town (the hub).
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, Protocol, Self

from shared.model.attachment import Envelope, read_attachments
from shared.model.day_count import TapsCounted
from shared.model.errors import InputError
from shared.model.event import EventType, Stream
from shared.model.fields import text
from shared.model.health import DeviceCounters, DeviceState
from shared.model.mailbox import CallbackAsked, SuggestionMade
from shared.model.notice import NoticeResponse
from shared.model.payment import (
    PaymentCaptured,
    PaymentReversed,
    PurseCredited,
    TapCancelled,
    TapCharged,
    TapUndecided,
)
from shared.model.report_opinion import ReportRated, ReportSupported
from shared.model.service_request import IncidentReported
from shared.protocol import limits


class Said(Protocol):
    """A class of `shared.model` that reads and writes an event's data."""

    @classmethod
    def from_data(cls, data: Mapping[str, object]) -> Self:
        """Read the data, or raise InputError."""
        ...

    def to_data(self) -> dict[str, object]:
        """Write it, unknown fields included."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Kind:
    """What is fixed about a type of event.

    Attributes:
        stream: its lane.
        said: the model of its data.
        subject_needed: it is about a card or person, and worth nothing without.
        referenced: the citizen takes its reference home.
        attachable: photographs may go with it.
        of_terminal: many strangers follow one another at a reader; they share an hour's context.
    """

    stream: Stream
    said: type[Said]
    subject_needed: bool = False
    referenced: bool = False
    attachable: bool = False
    of_terminal: bool = False


KINDS: Final[Mapping[EventType, Kind]] = {
    EventType.INCIDENT_REPORTED: Kind(
        stream=Stream.CASES, said=IncidentReported, referenced=True, attachable=True
    ),
    EventType.REPORT_SUPPORTED: Kind(stream=Stream.CASES, said=ReportSupported, referenced=True),
    EventType.REPORT_RATED: Kind(stream=Stream.CASES, said=ReportRated),
    EventType.SUGGESTION_MADE: Kind(stream=Stream.CASES, said=SuggestionMade, referenced=True),
    EventType.CALLBACK_ASKED: Kind(stream=Stream.CASES, said=CallbackAsked, referenced=True),
    EventType.NOTICE_SHOWN: Kind(stream=Stream.CASES, said=NoticeResponse),
    EventType.NOTICE_SUBSCRIBED: Kind(stream=Stream.CASES, said=NoticeResponse),
    EventType.NOTICE_CONSENTED: Kind(stream=Stream.CASES, said=NoticeResponse),
    EventType.PAYMENT_CAPTURED: Kind(stream=Stream.PAYMENTS, said=PaymentCaptured, referenced=True),
    EventType.PAYMENT_REVERSED: Kind(stream=Stream.PAYMENTS, said=PaymentReversed),
    EventType.TAP_CHARGED: Kind(
        stream=Stream.PAYMENTS, said=TapCharged, subject_needed=True, of_terminal=True
    ),
    EventType.TAP_CANCELLED: Kind(
        stream=Stream.PAYMENTS, said=TapCancelled, subject_needed=True, of_terminal=True
    ),
    EventType.TAP_UNDECIDED: Kind(
        stream=Stream.PAYMENTS, said=TapUndecided, subject_needed=True, of_terminal=True
    ),
    EventType.TAPS_COUNTED: Kind(stream=Stream.PAYMENTS, said=TapsCounted),
    EventType.PURSE_CREDITED: Kind(
        stream=Stream.PAYMENTS, said=PurseCredited, subject_needed=True, of_terminal=True
    ),
    EventType.DEVICE_STATE: Kind(stream=Stream.HEALTH, said=DeviceState),
    EventType.DEVICE_COUNTERS: Kind(stream=Stream.TELEMETRY, said=DeviceCounters),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Happening:
    """An event that may be taken as it is.

    Attributes:
        type: what happened.
        data: its own fields, checked.
        subject: pseudonym of the card or person, if any.
        event_id: its UUIDv7; the same one given twice counts once.
        at_ms: when it happened, where somebody else than this device dated it.
    """

    type: EventType
    data: Mapping[str, object]
    subject: str | None
    event_id: str
    at_ms: int | None = None

    @property
    def kind(self) -> Kind:
        """What is fixed about its type."""
        return KINDS[self.type]

    @property
    def reference(self) -> str | None:
        """What the citizen takes home; None where there is nothing."""
        return str(self.data["reference"]) if self.kind.referenced else None

    @property
    def envelopes(self) -> Sequence[Envelope]:
        """What travels apart from its line."""
        return [one.envelope for one in read_attachments(self.data)] if self.kind.attachable else ()

    @property
    def key(self) -> str | None:
        """What it says the newest of: an older event of this key gives way on the health lane."""
        return str(self.data["key"]) if self.kind.stream is Stream.HEALTH else None


def happening(
    event_type: EventType,
    data: Mapping[str, Any],
    *,
    event_id: str,
    subject: str | None = None,
    at_ms: int | None = None,
) -> Happening:
    """Check an event.

    Args:
        event_type: what happened.
        data: its own fields; unknown ones are kept.
        event_id: a canonical UUIDv7.
        subject: a pseudonym.
        at_ms: when it happened, where somebody else dated it.

    Raises:
        InputError: a field or the subject is missing, of another type, too long or out of range.
    """
    kind = KINDS[event_type]
    if subject is not None:
        text({"subject": subject}, "subject", limits.SUBJECT_LENGTH_MAX)
    elif kind.subject_needed:
        raise InputError(f"{event_type} is about a card; name it as its subject")
    said = kind.said.from_data(data).to_data()
    return Happening(type=event_type, data=said, subject=subject, event_id=event_id, at_ms=at_ms)


def event_type_of(name: str) -> EventType:
    """Return the type of that name.

    Raises:
        InputError: there is none; the sentence names those that there are.
    """
    try:
        return EventType(name)
    except ValueError:
        raise InputError(f"this device knows no such type of event; use one of {', '.join(KINDS)}") from None
