"""What devices report: strict in what is known, keeping what is not."""

from collections.abc import Mapping
from contextlib import suppress
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.model.errors import InputError
from shared.model.health import DeviceCounters, DeviceState
from shared.model.ids import new_reference
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

Kind = Any
"""A class of the model, with `from_data` and `to_data`."""
REFERENCE = new_reference(bytes(range(16)))
EVENT_ID = "017f22e2-79b0-7cc3-98c4-dc0c0c07398f"
GOOD: dict[Any, Mapping[str, object]] = {
    PaymentCaptured: {
        "reference": "TASA-1",
        "concept": "basuras",
        "amount_minor": 4250,
        "currency": "EUR",
        "method": "card",
    },
    TapCharged: {
        "counter": 7,
        "amount_minor": 150,
        "currency": "EUR",
        "product": "sencillo",
        "line": "L1",
        "stop": "S2",
        "zone": "1",
        "passengers": 2,
        "record": "0a" * 48,
        "seal": "0b" * 8,
    },
    TapCancelled: {
        "counter": 8,
        "amount_minor": 150,
        "currency": "EUR",
        "reverses": EVENT_ID,
        "line": "L1",
        "stop": "S2",
        "zone": "1",
        "passengers": 2,
        "record": "0a" * 48,
        "seal": "0b" * 8,
    },
    TapUndecided: {
        "counter": 9,
        "amount_minor": 150,
        "currency": "EUR",
        "product": "sencillo",
        "reverses": EVENT_ID,
        "line": "L1",
        "stop": "S2",
        "zone": "1",
        "passengers": 2,
        "record": "0a" * 48,
        "seal": "0b" * 8,
    },
    PurseCredited: {"counter": 7, "amount_minor": 1000, "currency": "EUR", "method": "cash"},
    PaymentReversed: {"reverses": EVENT_ID, "reason": "error"},
    IncidentReported: {
        "reference": "7KXM-2PRT-94VW",
        "service_code": "aceras",
        "description": "Baldosa suelta, ñandú ©\n🙂",
        "lat": 40.4,
        "long": -3.7,
        "address": "Calle Mayor 1",
        "channel": "kiosk",
        "contact": {"name": "Ana", "phone": "600000000", "email": "ana@example.es"},
        "requested_datetime": "2026-11-21T10:15:00Z",
    },
    ReportSupported: {
        "reference": "7KXM-2PRT-94VW",
        "report": EVENT_ID,
        "channel": "kiosk",
        "contact": {"email": "ana@example.es"},
    },
    ReportRated: {
        "report_reference": REFERENCE,
        "score": 2,
        "reason": "Sigue suelta",
        "channel": "kiosk",
    },
    SuggestionMade: {
        "reference": "7KXM-2PRT-94VW",
        "kind": "query",
        "text": "¿Cuándo abre la piscina?",
        "channel": "kiosk",
        "contact": {"phone": "600000000"},
    },
    CallbackAsked: {
        "reference": "7KXM-2PRT-94VW",
        "phone": "600000000",
        "window": "midday",
        "topic": "payment",
        "channel": "kiosk",
    },
    NoticeResponse: {"notice": "corte-agua", "version": 3, "channel": "kiosk"},
    DeviceState: {"key": "printer", "state": "degraded", "detail": "paper low"},
    DeviceCounters: {"free_ride": 3, "restarts": 0},
}
OPTIONAL = {
    "line",
    "stop",
    "zone",
    "passengers",
    "record",
    "seal",
    "lat",
    "long",
    "address",
    "contact",
    "requested_datetime",
    "channel",
    "detail",
    "reason",
    "topic",
}
CHANNELLED = (IncidentReported, ReportSupported, ReportRated, SuggestionMade, CallbackAsked)
NEEDED_THERE = {(PaymentReversed, "reason"), *((kind, "channel") for kind in CHANNELLED)}
NOT_NEEDED_THERE = {(TapUndecided, "product"), (TapUndecided, "reverses")}
REQUIRED = [
    (kind, name)
    for kind, data in GOOD.items()
    for name in data
    if kind is not DeviceCounters and (name not in OPTIONAL or (kind, name) in NEEDED_THERE)
    if (kind, name) not in NOT_NEEDED_THERE
]


@pytest.mark.parametrize("kind", GOOD)
def test_data_is_written_as_it_was_read(kind: Kind) -> None:
    assert kind.from_data(GOOD[kind]).to_data() == GOOD[kind]


@pytest.mark.parametrize("kind", [kind for kind in GOOD if kind is not DeviceCounters])
def test_unknown_field_of_a_newer_device_is_kept_and_passed_on(kind: Kind) -> None:
    data = {**GOOD[kind], "braille": {"grade": 2}}
    read = kind.from_data(data)
    assert read.extra == {"braille": {"grade": 2}}
    assert read.to_data() == data


@pytest.mark.parametrize(("kind", "name"), REQUIRED)
def test_field_that_is_missing_or_null_is_refused(kind: Kind, name: str) -> None:
    without = {key: value for key, value in GOOD[kind].items() if key != name}
    for data in (without, {**without, name: None}):
        with pytest.raises(InputError):
            kind.from_data(data)


@pytest.mark.parametrize(("kind", "name"), [(kind, name) for kind, data in GOOD.items() for name in data])
def test_field_of_another_type_is_refused(kind: Kind, name: str) -> None:
    for wrong in (True, [], "" if isinstance(GOOD[kind][name], str) else "7", 1.5j, b"x"):
        with pytest.raises(InputError):
            kind.from_data({**GOOD[kind], name: wrong})


@pytest.mark.parametrize(
    ("kind", "name"),
    [(kind, name) for kind, data in GOOD.items() for name, value in data.items() if isinstance(value, str)],
)
@pytest.mark.parametrize("wrong", ["x" * 5_000, "a\0b", "\ud800"])
def test_text_that_is_too_long_or_cannot_be_stored_is_refused(kind: Kind, name: str, wrong: str) -> None:
    with pytest.raises(InputError):
        kind.from_data({**GOOD[kind], name: wrong})


@pytest.mark.parametrize(
    ("kind", "wrong"),
    [
        (TapCharged, {"passengers": 0}),
        (TapCharged, {"record": "0a" * 47}),
        (TapCharged, {"record": "0A" * 48}),
        (TapCharged, {"seal": "no"}),
        (TapUndecided, {"record": None}),
        (TapUndecided, {"reverses": "no event"}),
        (PurseCredited, {"amount_minor": 0}),
        (TapCharged, {"amount_minor": -1}),
        (TapCharged, {"amount_minor": 10**12}),
        (TapCharged, {"counter": -1}),
        (TapCharged, {"counter": 2**32}),
        (PaymentCaptured, {"currency": "eur"}),
        (PaymentCaptured, {"method": "cheque"}),
        (PurseCredited, {"method": "purse"}),
        (PaymentReversed, {"reverses": EVENT_ID.upper()}),
        (IncidentReported, {"lat": None}),
        (IncidentReported, {"lat": 91}),
        (IncidentReported, {"long": float("nan")}),
        (IncidentReported, {"contact": "Ana"}),
        (IncidentReported, {"attributes": ["p"]}),
        (IncidentReported, {"attributes": {"riesgo": {"p": True}}}),
        (IncidentReported, {"attributes": {"riesgo": ["p", ""]}}),
        (IncidentReported, {"attributes": {"": "p"}}),
        (IncidentReported, {"attributes": {f"c{n}": "p" for n in range(51)}}),
        (IncidentReported, {"requested_datetime": "2026-11-21T10:15:00"}),
        (DeviceState, {"state": "sad"}),
        (DeviceCounters, {"free_ride": 2**60}),
        (DeviceCounters, {f"c{number}": 0 for number in range(65)}),
    ],
)
def test_value_that_cannot_be_meant_is_refused(kind: Kind, wrong: Mapping[str, object]) -> None:
    with pytest.raises(InputError):
        kind.from_data({**GOOD[kind], **wrong})


@given(
    st.sampled_from(list(GOOD)),
    st.dictionaries(
        st.sampled_from(sorted({n for d in GOOD.values() for n in d})),
        st.none() | st.booleans() | st.integers() | st.floats() | st.text() | st.lists(st.integers()),
    ),
)
def test_whatever_arrives_is_read_or_refused(kind: Kind, data: Mapping[str, object]) -> None:
    """Nothing but an input error, however odd the data: a poison event must not stop a lane."""
    with suppress(InputError):
        kind.from_data({**GOOD[kind], **data})
