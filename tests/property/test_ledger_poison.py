"""No event, however odd, may stop the transaction that it is in: taken or refused, the rest goes on."""

from contextlib import suppress
from dataclasses import replace

from hypothesis import example, given
from hypothesis import strategies as st

from hub.db.ledger_audit import audit
from hub.db.unit_of_work import UnitOfWork
from hub.usecases.take_event import gather, take
from shared.model.errors import InputError
from shared.model.event import Event, EventType
from shared.model.instants import from_rfc3339
from tests.support.hub_database import NOW_MS, Street, fresh_database, transaction

GOOD: dict[str, object] = {
    "counter": 1,
    "amount_minor": 150,
    "currency": "EUR",
    "product": "sencillo",
    "method": "card",
    "reference": "R-1",
    "concept": "basuras",
    "service_code": "aceras",
    "description": "Baldosa",
    "channel": "kiosk",
    "notice": "corte",
    "version": 1,
    "key": "printer",
    "state": "ok",
    "reverses": "017f22e2-79b0-7cc3-98c4-dc0c0c07398f",
    "reason": "error",
    "contact": {"name": "Ana"},
    "requested_datetime": "2026-11-21T10:15:00Z",
}
ODD = [
    None,
    True,
    -1,
    2**63,
    2**200,
    1e308,
    "",
    "a\0b",
    "\ud800",
    "x" * 5_000,
    [],
    {"name": "\ud800", "\udfff": 1},
    "0001-01-01T00:00:00+23:00",
    "9999-12-31T23:59:59-23:00",
]
TIMES = st.sampled_from(
    [NOW_MS, 0, from_rfc3339("0001-01-01T00:00:00Z"), from_rfc3339("9999-12-31T23:59:59Z")]
)
datas = st.dictionaries(st.sampled_from([*GOOD, "braille", "\ud800"]), st.sampled_from(ODD), max_size=3)
subjects = st.sampled_from([None, "card-1", "a\0b", "\ud800", "x" * 200])


@st.composite
def events(draw: st.DrawFn) -> Event:
    kind = draw(st.sampled_from([*map(str, EventType), "coffee.served"]))
    event = Street().event(kind, {**GOOD, **draw(datas)}, subject=draw(subjects))
    return replace(event, time_ms=draw(TIMES), clock_age_s=draw(st.sampled_from([None, 0, 2**53])))


@example([Street().event("incident.reported", {**GOOD, "requested_datetime": "0001-01-01T00:00:00+23:00"})])
@given(st.lists(events(), max_size=4))
def test_odd_event_is_taken_or_refused_and_the_rest_goes_on(odd: list[Event]) -> None:
    good = Street(device="bus-8").tap("card-2", 1, 150)
    engine = fresh_database()
    with transaction(engine) as connection:
        uow = UnitOfWork(connection)
        group = [*(replace(event, device=f"bus-{place + 10}") for place, event in enumerate(odd)), good]
        gather(group, uow)
        for event in group[:-1]:
            with suppress(InputError):
                take(event, uow, NOW_MS)
        take(good, uow, NOW_MS)
        uow.flush()
    with transaction(engine) as connection:
        report = audit(connection)
    assert report.is_clean
    assert report.entries >= 1
    engine.dispose()
