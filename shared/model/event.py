"""An opened event, as the hub sees it: authenticated, unsealed, its line kept in the very bytes that came.

Not here: how it travelled (`shared.protocol`) and what its `data` means (`payment`, `service_request`, …).
"""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum


class Stream(StrEnum):
    """A lane of a device's outbox, by priority."""

    PAYMENTS = "payments"
    CASES = "cases"
    HEALTH = "health"
    TELEMETRY = "telemetry"
    LOG = "log"


class EventType(StrEnum):
    """Every type of event that the hub understands; another one goes to quarantine."""

    INCIDENT_REPORTED = "incident.reported"
    REPORT_SUPPORTED = "report.supported"
    REPORT_RATED = "report.rated"
    SUGGESTION_MADE = "suggestion.made"
    CALLBACK_ASKED = "callback.asked"
    NOTICE_SHOWN = "notice.shown"
    NOTICE_SUBSCRIBED = "notice.subscribed"
    NOTICE_CONSENTED = "notice.consented"
    PAYMENT_CAPTURED = "payment.captured"
    TAP_CHARGED = "tap.charged"
    TAP_CANCELLED = "tap.cancelled"
    TAP_UNDECIDED = "tap.undecided"
    TAPS_COUNTED = "taps.counted"
    PURSE_CREDITED = "purse.credited"
    PAYMENT_REVERSED = "payment.reversed"
    DEVICE_STATE = "device.state"
    DEVICE_COUNTERS = "device.counters"


@dataclass(frozen=True, slots=True, kw_only=True)
class Event:
    """One event of a device.

    Attributes:
        device: the device that wrote it; authenticated by the frame's MAC.
        stream: its lane.
        epoch: the life of the outbox's owner in which it was written, 8 hex digits.
        seq: its place in the epoch, from 1.
        id: UUID of version 7, unique on the device.
        type: what happened; text, because a newer device may know more than this hub.
        time_ms: when it took place: as it is opened the device's own instant, as it is taken the legal one.
        boot: counter of the device's starts.
        uptime_ms: monotonic time since that start.
        clock_age_s: seconds since the device's clock agreed with the hub's; None if not in this boot.
        subject: pseudonym of the person or card, if any.
        data: the event's own fields, unsealed.
        line: the line as it came.
    """

    device: str
    stream: Stream
    epoch: str
    seq: int
    id: str
    type: str
    time_ms: int
    boot: int
    uptime_ms: int
    clock_age_s: int | None
    subject: str | None
    data: Mapping[str, object]
    line: bytes
