"""Every effect leaves as an event too, and what stays with the core."""

import json
from collections.abc import Iterator, Mapping

import pytest
from sqlalchemy import Connection

from hub.db import tables
from hub.db.unit_of_work import Rules, UnitOfWork
from hub.usecases.take_event import take
from tests.support.hub_database import NOW_MS, Street, fresh_database, rows


@pytest.fixture
def connection() -> Iterator[Connection]:
    engine = fresh_database()
    with engine.connect() as connection:
        yield connection
    engine.dispose()


@pytest.fixture
def street() -> Street:
    return Street()


def outgoing(connection: Connection, connector: str) -> list[Mapping[str, object]]:
    return [row for row in rows(connection, tables.outgoing) if row["connector"] == connector]


def test_every_effect_leaves_as_an_event_too_without_contact(connection: Connection, street: Street) -> None:
    uow = UnitOfWork(connection, Rules(publishes=True))
    report = street.report(contact={"name": "Ana", "phone": "600000000"}, braille=True)
    take(report, uow, NOW_MS)
    uow.flush()
    (row,) = outgoing(connection, "cloudevents")
    (effect,) = outgoing(connection, "open311")
    told = json.loads(str(row["body"]))
    assert told.pop("data")["description"] == report.data["description"]
    assert told == {
        "specversion": "1.0",
        "id": report.id,
        "source": f"/devices/{report.device}",
        "type": "es.ventanilla.incident.reported",
        "subject": report.data["reference"],
        "time": told["time"],
        "datacontenttype": "application/json",
    }
    assert (row["aggregate"], row["event_id"]) == (effect["aggregate"], effect["event_id"])
    assert "Ana" not in str(row["body"])
    assert "braille" not in str(row["body"])
    assert uow.effects == 2


def test_without_a_subscriber_nothing_is_written_for_one(connection: Connection, street: Street) -> None:
    uow = UnitOfWork(connection)
    take(street.report(), uow, NOW_MS)
    uow.flush()
    assert outgoing(connection, "cloudevents") == []
