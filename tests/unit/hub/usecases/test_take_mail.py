"""What citizens say besides reports: kept once, told to the core, not lost for a report nobody knows."""

import json
from collections.abc import Iterator, Mapping

import pytest
from sqlalchemy import Connection

from hub.db import tables
from hub.db.mailbox_repository import list_mailbox, rating_of, supporters
from hub.db.mailbox_tables import mailbox_entry
from hub.domain.mailbox.errors import MailReferenceTakenError
from hub.domain.mailbox.ports import EntryKind
from shared.model.errors import InputError
from shared.model.ids import effect_key, new_reference
from tests.support.hub_database import NOW_MS, Street, fresh_database, rows, take_all

MINE = new_reference(bytes(range(16)))
THEIRS = new_reference(bytes(range(1, 17)))


@pytest.fixture
def connection() -> Iterator[Connection]:
    engine = fresh_database()
    with engine.connect() as connection:
        yield connection
    engine.dispose()


@pytest.fixture
def street() -> Street:
    return Street()


def outgoing(connection: Connection) -> list[tuple[str, str, Mapping[str, object]]]:
    work = rows(connection, tables.outgoing)
    mail = [row for row in work if row["connector"] == "mailbox"]
    return [(str(row["effect_key"]), str(row["aggregate"]), json.loads(str(row["body"]))) for row in mail]


def cases(connection: Connection) -> list[tuple[object, object]]:
    return [(row["kind"], row["device"]) for row in rows(connection, tables.exception)]


@pytest.mark.parametrize("ahead", [True, False])
def test_support_names_the_report_by_its_public_code_and_reaches_the_core_with_its_reference(
    connection: Connection, street: Street, *, ahead: bool
) -> None:
    report = street.report(THEIRS)
    support = street.support(report.id, MINE, contact={"phone": "600123456"}, braille=2)
    take_all(connection, [report, support], ahead=ahead)
    (row,) = rows(connection, mailbox_entry)
    assert (row["kind"], row["reference"], row["about"], row["report"]) == (
        "support",
        MINE,
        report.id,
        THEIRS,
    )
    ((key, aggregate, body),) = outgoing(connection)
    assert key == str(effect_key("bus-7", support.id, "mailbox_entry"))
    assert aggregate == f"mail:{THEIRS}"
    assert body == {
        "kind": "support",
        "reference": MINE,
        "report": report.id,
        "report_reference": THEIRS,
        "channel": "kiosk",
        "contact": {"phone": "600123456"},
        "device": "bus-7",
        "event_id": support.id,
        "occurred_datetime": "2026-11-21T10:00:00Z",
        "extra": {"braille": 2},
    }
    assert supporters(connection, [report.id, "other"]) == {report.id: 1}
    assert cases(connection) == []


def test_support_of_a_report_that_nobody_knows_is_kept_and_told_to_a_clerk_once(
    connection: Connection, street: Street
) -> None:
    unknown = street.report().id
    first, second = street.support(unknown, MINE), street.support(unknown, THEIRS)
    take_all(connection, [first])
    take_all(connection, [first, second])
    assert supporters(connection, [unknown]) == {unknown: 2}
    assert cases(connection) == [("unknown_report", "bus-7")]
    assert ["report_reference" in body for _, _, body in outgoing(connection)] == [False, False]
    detail = rows(connection, tables.exception)[0]["detail"]
    assert MINE not in json.dumps(detail)


def test_of_two_ratings_the_one_that_was_given_last_counts_and_both_stay(
    connection: Connection, street: Street
) -> None:
    take_all(connection, [street.report(MINE)])
    newer = street.rate(MINE, 5)
    older = street.rate(MINE, 1, time_ms=NOW_MS - 60_000, reason="Se mueve")
    take_all(connection, [newer])
    take_all(connection, [older])
    assert rating_of(connection, MINE) == 5
    assert rating_of(connection, THEIRS) is None
    told = [(body["score"], body.get("reason")) for _, _, body in outgoing(connection)]
    assert told == [(5, None), (1, "Se mueve")]


def test_rating_of_a_report_that_nobody_knows_is_kept_and_told_to_a_clerk(
    connection: Connection, street: Street
) -> None:
    take_all(connection, [street.rate(MINE, 2)])
    assert rating_of(connection, MINE) == 2
    assert cases(connection) == [("unknown_report", "bus-7")]


def test_message_and_wish_to_be_called_reach_the_core_and_no_listing_shows_their_words(
    connection: Connection, street: Street
) -> None:
    said = {"reference": MINE, "kind": "complaint", "text": "Mucho ruido", "channel": "kiosk"}
    call = {"reference": THEIRS, "phone": "600123456", "window": "morning", "channel": "kiosk"}
    events = [street.event("suggestion.made", said), street.event("callback.asked", call)]
    take_all(connection, events)
    bodies = [body for _, _, body in outgoing(connection)]
    assert (bodies[0]["kind"], bodies[0]["category"], bodies[0]["text"]) == (
        "suggestion",
        "complaint",
        "Mucho ruido",
    )
    assert (bodies[1]["kind"], bodies[1]["phone"], bodies[1]["window"]) == (
        "callback",
        "600123456",
        "morning",
    )
    listed = list_mailbox(connection, 0, 10, None)
    assert [row.kind for row in listed.items] == ["suggestion", "callback"]
    assert "ruido" not in repr(listed)
    assert "600123456" not in repr(listed)
    assert len(list_mailbox(connection, 0, 10, EntryKind.CALLBACK).items) == 1


def test_reference_that_something_else_has_is_quarantined(connection: Connection, street: Street) -> None:
    said = {"reference": MINE, "kind": "thanks", "text": "Gracias", "channel": "kiosk"}
    take_all(connection, [street.event("suggestion.made", said)])
    with pytest.raises(MailReferenceTakenError):
        take_all(connection, [street.event("suggestion.made", said)])
    assert len(rows(connection, mailbox_entry)) == 1


@pytest.mark.parametrize("ahead", [True, False])
def test_everything_taken_again_changes_nothing(
    connection: Connection, street: Street, *, ahead: bool
) -> None:
    report = street.report(THEIRS)
    said = {"reference": new_reference(bytes(16)), "kind": "query", "text": "¿?", "channel": "kiosk"}
    events = [
        report,
        street.support(report.id, MINE),
        street.support(street.report().id, new_reference(bytes(range(2, 18)))),
        street.rate(THEIRS, 3),
        street.event("suggestion.made", said),
    ]
    take_all(connection, events + events, ahead=ahead)
    before = [rows(connection, table) for table in tables.metadata.sorted_tables]
    take_all(connection, list(reversed(events)), ahead=ahead)
    assert [rows(connection, table) for table in tables.metadata.sorted_tables] == before


@pytest.mark.parametrize(
    ("kind", "data"),
    [
        ("report.supported", {"reference": "R", "report": "nothing", "channel": "kiosk"}),
        ("report.supported", {"reference": "R", "report": ["x"], "channel": "kiosk"}),
        ("report.rated", {"report_reference": "7KXM-2PRT-94VX", "score": 3, "channel": "kiosk"}),
        ("report.rated", {"report_reference": MINE, "score": 6, "channel": "kiosk"}),
        ("report.rated", {"report_reference": MINE, "score": 0, "channel": "kiosk"}),
        ("report.rated", {"report_reference": MINE, "score": True, "channel": "kiosk"}),
        ("suggestion.made", {"reference": "R", "kind": "song", "text": "la", "channel": "kiosk"}),
        ("suggestion.made", {"reference": "\0", "kind": "query", "text": "la", "channel": "kiosk"}),
        ("callback.asked", {"reference": "R", "phone": "6" * 33, "window": "any", "channel": "kiosk"}),
        ("callback.asked", {"reference": "R", "phone": "600", "window": "night", "channel": "kiosk"}),
    ],
)
def test_what_makes_no_sense_is_refused_and_leaves_nothing(
    connection: Connection, street: Street, kind: str, data: Mapping[str, object]
) -> None:
    with pytest.raises(InputError):
        take_all(connection, [street.event(kind, data)])
    assert rows(connection, mailbox_entry) == []
    assert rows(connection, tables.outgoing) == []
