"""What devices say of settings, bundles and commands, as the ingest takes it."""

from collections.abc import Iterator

import pytest

from hub.db.fleet_tables import device_bundle, device_command, device_twin
from hub.db.tables import exception
from hub.ingest.apply import Incoming
from hub.ingest.words import REFUSED, REVERTED
from shared.protocol import topics
from shared.protocol.bundle import DENY_LIST
from shared.protocol.command import CommandState, Result, encode_result
from shared.protocol.keys import derive
from shared.protocol.mac import seal_message
from shared.protocol.reported import (
    BundleReport,
    BundleState,
    Reported,
    TwinReport,
    TwinState,
    encode_reported,
)
from shared.protocol.versions import Version
from tests.simulation.device import secret_of
from tests.support.hub_database import NOW_MS
from tests.support.street import Kiosk, Street


@pytest.fixture
def street() -> Iterator[Street]:
    street = Street()
    yield street
    street.connection.close()


def hear(street: Street, verb: topics.Verb, body: bytes, *, forged: bool = False) -> None:
    key = derive(secret_of("kiosk-8" if forged else "kiosk-7")).up
    topic = topics.up("kiosk-7", verb)
    assert street.hear(Incoming(topic, seal_message(key, topic, body))) == []


def reported(session: str, n: int, twin: TwinReport | None = None, refused: int = 0) -> bytes:
    return encode_reported(
        Reported(
            session=session,
            n=n,
            twin=twin,
            bundles={DENY_LIST: BundleReport(version=Version(3, n), state=BundleState.HELD)},
            refused={"bundle:refused": refused} if refused else {},
            why={"bundle:refused": "agenda: items is a list"} if refused else {},
        )
    )


def twin(state: TwinState = TwinState.REACHED) -> TwinReport:
    return TwinReport(version=Version(4, 2), state=state, in_force=Version(4, 1), why="cut off")


@pytest.mark.sentence("W-10")
def test_word_of_the_present_session_counts_if_it_is_the_newest(street: Street) -> None:
    kiosk = Kiosk()
    street.enter(kiosk)
    hear(street, topics.Verb.REPORTED, reported(kiosk.session, 2, twin()))
    hear(street, topics.Verb.REPORTED, reported(kiosk.session, 1))
    (row,) = street.rows(device_twin)
    assert (row["reported_incarnation"], row["reported_n"], row["state"]) == (4, 2, "reached")
    assert [(r["name"], r["n"]) for r in street.rows(device_bundle)] == [(DENY_LIST, 2)]
    assert street.ingest.refused["older"] == 1


@pytest.mark.sentence("W-10")
def test_word_of_another_session_or_of_nobody_has_no_effect(street: Street) -> None:
    kiosk = Kiosk()
    street.enter(kiosk)
    recorded = reported(kiosk.session, 9, twin())
    kiosk.uptime_ms += 1_000
    street.enter(kiosk)
    hear(street, topics.Verb.REPORTED, recorded)
    hear(street, topics.Verb.REPORTED, reported(kiosk.session, 1, twin()), forged=True)
    assert street.rows(device_twin) == []
    assert street.ingest.refused["other_session"] == 1
    assert street.ingest.refused["forged"] == 1


def test_settings_that_were_reverted_and_messages_that_were_refused_are_told_once(street: Street) -> None:
    kiosk = Kiosk()
    street.enter(kiosk)
    for n in (1, 2, 3):
        hear(street, topics.Verb.REPORTED, reported(kiosk.session, n, twin(TwinState.REVERTED), refused=n))
    kinds = sorted(str(row["kind"]) for row in street.rows(exception))
    assert kinds == sorted([REVERTED, REFUSED])
    (told,) = [row["detail"] for row in street.rows(exception) if row["kind"] == REFUSED]
    assert told == {"bundle:refused": 1, "why": {"bundle:refused": "agenda: items is a list"}}
    assert street.rows(device_twin)[0]["why"] == "cut off"


def test_outcome_of_a_command_stays_whatever_is_said_later(street: Street) -> None:
    kiosk = Kiosk()
    street.enter(kiosk)
    sent = {"device": "kiosk-7", "op": "ping", "args": {}, "who": "ana", "created_ms": NOW_MS}
    for name, owner in (("mine", "kiosk-7"), ("other", "kiosk-8")):
        row = {**sent, "id": name, "device": owner, "expires_ms": NOW_MS + 1}
        street.connection.execute(device_command.insert().values(**row))

    def say(name: str, state: CommandState, was: CommandState | None = None) -> None:
        result = Result(
            session=kiosk.session, id=name, state=state, was=was, data={"n": 1} if not was else {}
        )
        hear(street, topics.Verb.RESULT, encode_result(result))

    say("mine", CommandState.RUNNING)
    say("mine", CommandState.DONE)
    say("mine", CommandState.FAILED)
    say("mine", CommandState.DUPLICATE, CommandState.FAILED)
    say("other", CommandState.DONE)
    say("unknown", CommandState.DONE)
    found = {row["id"]: (row["state"], row["data"]) for row in street.rows(device_command)}
    assert found == {"mine": ("done", {"n": 1}), "other": ("waiting", None)}
