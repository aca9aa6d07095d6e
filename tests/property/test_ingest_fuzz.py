"""Whatever an enrolled device writes into its lines: the hub takes it or sets it aside, and the lane goes on.

The device is genuine, its software is not to be trusted: MAC, sealing and chain hold, and what is sealed is
anything that JSON can say. Nothing of it may raise, block the lane, unbalance the books, or be half done.
"""

from functools import cache
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from hub.db import tables
from hub.db.ledger_audit import audit
from shared.model.event import EventType, Stream
from shared.model.ids import new_reference
from shared.protocol import limits
from shared.protocol.parsing import encode
from tests.support.street import Kiosk, Street

HUGE = 2**70
DATA_BYTES_MAX = limits.LINE_BYTES_MAX // 2
"""What is longer no device writes: sealed it is a third longer, and the line has a head."""
TEXTS = st.text(max_size=40) | st.sampled_from(
    ["", "\0", "EUR", "2026-11-21T10:00:00Z", "x" * 5_000, "é" * 300]
)
NUMBERS = (
    st.integers(-HUGE, HUGE) | st.floats(allow_nan=False, allow_infinity=False) | st.sampled_from([0, -1])
)
SCALARS = st.none() | st.booleans() | NUMBERS | TEXTS
VALUES = st.recursive(
    SCALARS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXTS, inner, max_size=3),
    max_leaves=6,
)
SENSIBLE: dict[str, dict[str, Any]] = {
    EventType.TAP_CHARGED: {"counter": 1, "amount_minor": 65, "currency": "EUR", "product": "1"},
    EventType.TAP_CANCELLED: {
        "counter": 3,
        "amount_minor": 65,
        "currency": "EUR",
        "reverses": "01a20073-9c71-7fc3-8aa3-bfbf6a887a00",
    },
    EventType.TAP_UNDECIDED: {
        "counter": 4,
        "amount_minor": 65,
        "currency": "EUR",
        "product": "1",
        "record": "01" * 48,
    },
    EventType.PURSE_CREDITED: {"counter": 2, "amount_minor": 500, "currency": "EUR", "method": "cash"},
    EventType.PAYMENT_CAPTURED: {
        "reference": "T-1",
        "concept": "agua",
        "amount_minor": 4250,
        "currency": "EUR",
        "method": "card",
    },
    EventType.PAYMENT_REVERSED: {"reverses": "01a20073-9c71-7fc3-8aa3-bfbf6a887a00", "reason": "error"},
    EventType.INCIDENT_REPORTED: {
        "reference": "AAAA-BBBB",
        "service_code": "aceras",
        "description": "Baldosa suelta",
        "channel": "kiosk",
        "latitude": 40.4,
        "longitude": -3.7,
        "requested_datetime": "2026-11-21T09:00:00Z",
    },
    EventType.REPORT_SUPPORTED: {
        "reference": "AAAA-CCCC",
        "report": "01a20073-9c71-7fc3-8aa3-bfbf6a887a00",
        "channel": "kiosk",
    },
    EventType.REPORT_RATED: {
        "report_reference": new_reference(bytes(16)),
        "score": 3,
        "reason": "1",
        "channel": "kiosk",
    },
    EventType.SUGGESTION_MADE: {"reference": "AAAA-DDDD", "kind": "query", "text": "1", "channel": "kiosk"},
    EventType.CALLBACK_ASKED: {
        "reference": "AAAA-FFFF",
        "phone": "600",
        "window": "any",
        "topic": "1",
        "channel": "kiosk",
    },
    EventType.NOTICE_SHOWN: {"notice": "corte", "version": 1},
    EventType.NOTICE_CONSENTED: {"notice": "corte", "version": 1, "text": "sí"},
    EventType.DEVICE_STATE: {"key": "printer", "state": "ok"},
    EventType.DEVICE_COUNTERS: {"frames": 7},
    EventType.TAPS_COUNTED: {
        "day": "2026-11-21",
        "taps": 3,
        "amount_minor": 390,
        "currency": "EUR",
        "since_ms": 1,
    },
}


@st.composite
def data(draw: st.DrawFn) -> tuple[str, dict[str, Any]]:
    """A type, and data that is sensible but for some members, or not at all."""
    kind = draw(st.sampled_from(sorted(SENSIBLE)) | TEXTS.filter(lambda text: 0 < len(text) <= 60))
    members = dict(SENSIBLE.get(kind, {}))
    for name in draw(st.lists(st.sampled_from(sorted(members)), max_size=2)) if members else ():
        if draw(st.booleans()):
            members[name] = draw(VALUES)
        else:
            members.pop(name, None)
    return kind, members | draw(st.dictionaries(TEXTS, VALUES, max_size=2))


SUBJECTS = st.none() | st.sampled_from(["card-1", "person-1", "", "\0", "x" * 200]) | st.text(max_size=30)
EVENTS = st.lists(
    st.tuples(
        data(), SUBJECTS, st.sampled_from([Stream.PAYMENTS, Stream.CASES, Stream.HEALTH, Stream.TELEMETRY])
    ),
    min_size=1,
    max_size=6,
)


@cache
def plain_type(kind: str) -> str:
    """A type as a line can carry it: the composer quotes nothing."""
    return "".join(letter for letter in kind if letter.isalnum() or letter in "._-") or "unknown"


@settings(max_examples=120, deadline=None)
@given(EVENTS)
def test_whatever_is_in_a_line_is_taken_or_set_aside(events: list[tuple[Any, str | None, Stream]]) -> None:
    street, kiosk = Street(), Kiosk()
    written = 0
    for (kind, members), subject, stream in events:
        if len(encode(members)) <= DATA_BYTES_MAX:
            kiosk.take(plain_type(kind), members, stream, subject=subject)
            written += 1
    street.enter(kiosk)
    street.hear(*kiosk.frames())
    for stream, epochs in kiosk.epochs.items():
        for epoch in epochs:
            (row,) = [r for r in street.rows(tables.device_epoch) if r["epoch"] == epoch.epoch]
            assert row["watermark"] == len(epoch.lines), f"{stream} does not go on"
    assert len(street.rows(tables.inbox)) == written
    assert audit(street.connection).is_clean
    before = len(street.rows(tables.quarantine)), len(street.rows(tables.journal))
    street.hear(*kiosk.frames())
    assert before == (len(street.rows(tables.quarantine)), len(street.rows(tables.journal)))
