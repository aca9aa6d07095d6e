"""What citizens may know of reports, from a real database: nothing personal, nothing that is far or old."""

import json
from collections.abc import Iterator
from dataclasses import asdict

import pytest
from sqlalchemy import Connection, insert, update

from hub.db import question_repository, tables
from hub.db.question_repository import NEARBY_TOLD, find_case, reports_near
from hub.db.update_tables import report_update
from shared.model.event import Event
from shared.model.ids import new_reference
from tests.support.hub_database import NOW_MS, Street, fresh_database, take_all

CODE = new_reference(bytes(range(16)))
MINE = new_reference(bytes(range(1, 17)))
LAT, LONG = 43.462, -3.81
PRIVATE = ("Marta", "600123456", "Calle Mayor 12", "Baldosa suelta", "bus-7")


@pytest.fixture
def connection() -> Iterator[Connection]:
    engine = fresh_database()
    with engine.connect() as connection:
        yield connection
    engine.dispose()


def report(street: Street, reference: str, lat: float = LAT, long: float = LONG, **more: object) -> Event:
    contact = {"name": "Marta", "phone": "600123456"}
    said = {"contact": contact, "address": "Calle Mayor 12", "lat": lat, "long": long}
    return street.report(reference, **(said | more))


def named(n: int) -> str:
    return new_reference(n.to_bytes(16, "big"))


def close(connection: Connection, reference: str, *notes: str) -> None:
    for said in notes:
        values = {"reference": reference, "device": "bus-7", "event_id": "e", "status": "closed"}
        connection.execute(insert(report_update).values(**values, notes=said, heard_ms=NOW_MS))
    here = update(tables.service_request).where(tables.service_request.c.reference == reference)
    connection.execute(here.values(status="closed", core_ref="41"))


def test_case_goes_from_received_to_closed_and_asks_for_a_rating_once(connection: Connection) -> None:
    street = Street()
    take_all(connection, [report(street, CODE)])
    found = find_case(connection, CODE)
    assert found is not None
    assert (found.kind, found.status, found.service_code) == ("report", "received", "aceras")
    connection.execute(update(tables.service_request).values(core_ref="41"))
    assert (find_case(connection, CODE) or found).status == "open"
    close(connection, CODE, "Visto", "Reparado " + "x" * 5_000, "", "Otra vez", "Terminado")
    found = find_case(connection, CODE)
    assert found is not None
    assert (found.status, found.rating_asked) == ("closed", True)
    assert [word.notes for word in found.updates] == ["", "Otra vez", "Terminado"]
    assert max(len(word.notes) for word in found.updates) <= question_repository.NOTES_TOLD_LENGTH_MAX
    assert not [word for word in PRIVATE if word in json.dumps(asdict(found))]
    take_all(connection, [street.rate(CODE, 4)])
    rated = find_case(connection, CODE)
    assert rated is not None
    assert not rated.rating_asked


def test_code_of_a_support_follows_the_report_that_was_joined_and_rates_nothing(
    connection: Connection,
) -> None:
    street = Street()
    first = report(street, CODE)
    take_all(connection, [first, street.support(first.id, MINE)])
    close(connection, CODE, "Reparado")
    found = find_case(connection, MINE)
    assert found is not None
    assert (found.kind, found.status, found.rating_asked) == ("support", "closed", False)
    assert [word.notes for word in found.updates] == ["Reparado"]


def test_code_of_anything_else_says_that_it_was_received(connection: Connection) -> None:
    street = Street()
    said = {"reference": MINE, "kind": "query", "text": "Marta pregunta", "channel": "kiosk"}
    lost = street.support(street.report().id, CODE)
    take_all(connection, [street.event("suggestion.made", said), lost])
    for code, kind in ((MINE, "suggestion"), (CODE, "support")):
        found = find_case(connection, code)
        assert found is not None
        assert (found.kind, found.status, found.updates) == (kind, "received", [])
        assert not [word for word in PRIVATE if word in json.dumps(asdict(found))]
    assert find_case(connection, named(7)) is None


def test_code_of_a_message_says_that_the_town_hall_has_it_once_the_core_has_taken_it(
    connection: Connection,
) -> None:
    street = Street()
    said = {"reference": MINE, "phone": "600123456", "window": "any", "channel": "kiosk"}
    take_all(connection, [street.event("callback.asked", said), street.report(CODE)])
    work = tables.outgoing.c
    for connector, status in (("open311", "received"), ("mailbox", "open")):
        connection.execute(update(tables.outgoing).where(work.connector == connector).values(state="done"))
        found = find_case(connection, MINE)
        assert found is not None
        assert (found.kind, found.status) == ("callback", status)


def test_what_is_near_is_told_without_whose_it_is_and_where_they_live(connection: Connection) -> None:
    street = Street()
    near = report(street, CODE, lat=43.46212345, long=-3.81012345)
    take_all(connection, [near, street.support(near.id, MINE), street.support(near.id, named(3))])
    (told,) = reports_near(connection, "aceras", LAT, LONG, NOW_MS + 3 * 86_400_000)
    assert asdict(told) == {
        "report": near.id,
        "service_code": "aceras",
        "lat": 43.4621,
        "long": -3.8101,
        "age_days": 3,
        "supporters": 2,
    }
    assert not [word for word in (*PRIVATE, CODE) if word in json.dumps(asdict(told))]


def test_what_is_far_old_closed_of_another_service_or_without_a_place_is_not_near(
    connection: Connection,
) -> None:
    street = Street()
    take_all(
        connection,
        [
            report(street, named(1), lat=LAT + 0.0025),
            report(street, named(2), long=LONG + 0.003),
            report(street, named(3), service_code="limpieza"),
            street.report(named(4)),
            report(street, named(5)),
            report(street, named(6), lat=LAT + 0.0017, long=LONG + 0.0023),
        ],
    )
    close(connection, named(5), "Hecho")
    assert reports_near(connection, "aceras", LAT, LONG, NOW_MS) == []
    assert len(reports_near(connection, "limpieza", LAT, LONG, NOW_MS)) == 1
    assert reports_near(connection, "limpieza", LAT, LONG, NOW_MS + 400 * 86_400_000) == []


def test_nearest_come_first_and_not_more_than_anybody_reads(connection: Connection) -> None:
    street = Street()
    reports = [report(street, named(n), lat=LAT + 0.0001 * (9 - n)) for n in range(1, 9)]
    take_all(connection, reports)
    told = reports_near(connection, "aceras", LAT, LONG, NOW_MS)
    assert [each.report for each in told] == [event.id for event in reversed(reports)][:NEARBY_TOLD]


@pytest.mark.parametrize(("lat", "long"), [(90.0, 0.0), (-90.0, 180.0), (0.0, -180.0)])
def test_any_place_on_earth_can_be_asked_about(connection: Connection, lat: float, long: float) -> None:
    assert reports_near(connection, "aceras", lat, long, NOW_MS) == []
