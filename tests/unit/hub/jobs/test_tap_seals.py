"""The hub believes no terminal: each fraud, planted by hand, is found, and each honest tap is not accused."""

import shutil
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Connection, select

from card_reader.citizen_card.journal import Deed
from card_reader.citizen_card.layout import SEAL_KEY
from card_reader.citizen_card.sealing import signed_input
from card_reader.desfire.crypto import short_mac
from card_reader.desfire.transaction_mac import transaction_keys
from hub.assembly.cards import RingSeals
from hub.db import tables
from hub.db.card_repository import CardRepository
from hub.db.engine import sqlite_url
from hub.db.opening import open_database
from hub.db.tap_repository import TapsWanted, list_taps
from hub.domain.cards.register import Card, CardState
from hub.domain.cards.taps import SealKeys, TapVerdict
from hub.jobs.tap_seals import BATCH, TapSeals
from hub.jobs.undecided_taps import UndecidedTaps
from hub.keys.card_keys import CardKeyRing
from hub.keys.files import TwinFolder
from hub.keys.vault import TokenAwayError
from shared.model.event import Event
from shared.model.said import Said
from tests.support.card_register import some_card
from tests.support.hub_database import NOW_MS, take_all
from tests.support.signed_taps import (
    PlainOpener,
    SealMasters,
    Terminal,
    put_into_inbox,
    ride,
    seal_of,
    tap_data,
)
from tests.support.softhsm import soft_token

CARD = some_card()
BUS = "bus-7"


class Town:
    """A hub's database with a register, taps that arrive, and the job behind them."""

    def __init__(self, url: str, keys: SealKeys | None = None) -> None:
        self.writer = open_database(url, None)
        self.keys: SealKeys | None = keys or SealMasters()
        self.bus = Terminal(BUS)
        self.other = Terminal("bus-9")
        self.seals = self.begin()

    def begin(self) -> TapSeals:
        """The hub starts again."""
        self.seals = TapSeals(self.writer, PlainOpener(), lambda: self.keys, lambda: NOW_MS)
        return self.seals

    def register(self, card: Card) -> None:
        self.writer.run(lambda connection: CardRepository(connection).register(card))

    def arrive(self, *events: Event, is_booked: bool = True) -> None:
        """Lines are committed, and booked, as the ingest does it."""

        def job(connection: Connection) -> None:
            for event in events:
                put_into_inbox(connection, event)
                if is_booked:
                    take_all(connection, [event])

        self.writer.run(job)

    def judge(self, *events: Event) -> list[TapVerdict]:
        """They arrive, and the job has a turn."""
        self.arrive(*events)
        self.seals.run()
        return self.verdicts()

    def verdicts(self) -> list[TapVerdict]:
        with self.writer.read() as connection:
            return [tap.verdict for tap in list_taps(connection, TapsWanted(limit=1000)).items]

    def cases(self, *, is_open: bool = True) -> list[tuple[str, str | None]]:
        shown = tables.exception
        query = select(shown.c.kind, shown.c.device).where(shown.c.resolved_ms.is_(None) == is_open)
        with self.writer.read() as connection:
            return [(kind, device) for kind, device in connection.execute(query.order_by(shown.c.id))]

    def explanation(self, kind: str) -> str:
        with self.writer.read() as connection:
            query = select(tables.exception.c.detail).where(tables.exception.c.kind == kind)
            return connection.execute(query).scalars().all()[0]["explanation"]

    def booked_minor(self) -> int:
        with self.writer.read() as connection:
            query = select(tables.account.c.balance_minor).where(tables.account.c.code == "revenue:transport")
            return connection.execute(query).scalar_one()


@pytest.fixture(scope="module")
def empty(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A database's file, made once."""
    path = tmp_path_factory.mktemp("empty") / "hub.db"
    open_database(sqlite_url(path), None).close()
    return path


@pytest.fixture
def database(empty: Path, tmp_path: Path) -> str:
    return sqlite_url(Path(shutil.copy(empty, tmp_path / "hub.db")))


@pytest.fixture
def town(database: str) -> Iterator[Town]:
    town = Town(database)
    town.register(CARD)
    yield town
    town.writer.close()


def test_honest_tap_is_genuine_and_nobody_is_told(town: Town) -> None:
    assert town.judge(town.bus.rides(CARD, 2), town.other.rides(CARD, 3)) == [TapVerdict.GENUINE] * 2
    assert (town.cases(), town.seals.judged) == ([], {"genuine": 2})


def test_transfer_that_costs_nothing_is_genuine(town: Town) -> None:
    assert town.judge(town.bus.rides(CARD, 2, amount_minor=0)) == [TapVerdict.GENUINE]


Change = Callable[[dict[str, Any]], object]
LIES: dict[str, Change] = {
    "amount": lambda data: data.update(amount_minor=50),
    "counter": lambda data: data.update(counter=9),
    "line": lambda data: data.update(line="5"),
    "zone": lambda data: data.update(zone="2"),
    "passengers": lambda data: data.update(passengers=3),
    "product": lambda data: data.update(product="2"),
    "currency": lambda data: data.update(currency="USD"),
    "signature": lambda data: data.update(seal="00" * 8),
    "record": lambda data: data.update(record="00" * 48),
    "balance in the record": lambda data: data.update(
        record=data["record"][:60] + "00000fff" + data["record"][68:]
    ),
}


@pytest.mark.parametrize("what", LIES)
def test_tap_that_its_card_did_not_sign_is_forged_booked_and_told(town: Town, what: str) -> None:
    honest = town.bus.rides(CARD, 2)
    data = dict(honest.data)
    LIES[what](data)
    assert town.judge(replace(honest, data=data)) == [TapVerdict.FORGED]
    assert town.cases() == [("forged_tap", BUS)]
    assert "Take the terminal out of service" in town.explanation("forged_tap")


def test_forged_tap_is_booked_all_the_same(town: Town) -> None:
    honest = town.bus.rides(CARD, 2)
    town.judge(replace(honest, data={**honest.data, "seal": "00" * 8}))
    assert town.booked_minor() == 150


@pytest.mark.parametrize("thief", [some_card(2), some_card(1, seal_version=2)])
def test_signature_of_another_card_or_another_key_is_forged(town: Town, thief: Card) -> None:
    record = ride(BUS, 2)
    master = bytes(16) if thief.seal_version > 1 else None
    seal = seal_of(thief, record) if master is None else seal_of(thief, record, master)
    assert town.judge(town.bus.says(CARD.subject, tap_data(record, seal))) == [TapVerdict.FORGED]


def test_tap_that_another_terminal_made_is_forged_for_who_tells_it(town: Town) -> None:
    record = ride(BUS, 2)
    stolen = town.other.says(CARD.subject, tap_data(record, seal_of(CARD, record)))
    assert town.judge(stolen) == [TapVerdict.FORGED]
    assert town.cases() == [("forged_tap", "bus-9")]


def test_seal_of_one_counter_serves_for_no_other(town: Town) -> None:
    record = ride(BUS, 2)
    next_record = replace(record, counter=3)
    assert town.judge(town.bus.says(CARD.subject, tap_data(next_record, seal_of(CARD, record)))) == [
        TapVerdict.FORGED
    ]


def test_terminal_that_forges_all_day_is_one_case_until_it_is_closed(town: Town) -> None:
    lies = [town.bus.rides(CARD, counter, amount_minor=100) for counter in range(2, 6)]
    town.judge(*(replace(lie, data={**lie.data, "seal": "00" * 8}) for lie in lies[:3]))
    town.judge(replace(lies[3], data={**lies[3].data, "seal": "00" * 8}))
    assert town.cases() == [("forged_tap", BUS)]
    assert town.verdicts() == [TapVerdict.FORGED] * 4


def test_tap_without_signature_is_counted_and_not_accused(town: Town) -> None:
    record = ride(BUS, 2)
    plain = {"counter": 3, "amount_minor": 150, "currency": "EUR", "product": "sencillo"}
    said = [town.bus.says(CARD.subject, tap_data(record, None)), town.bus.says(CARD.subject, plain)]
    assert town.judge(*said) == [TapVerdict.UNSIGNED] * 2
    assert town.cases() == []


def test_unsigned_tap_that_contradicts_its_record_is_forged(town: Town) -> None:
    data = tap_data(ride(BUS, 2), None) | {"amount_minor": 10}
    assert town.judge(town.bus.says(CARD.subject, data)) == [TapVerdict.FORGED]


def test_card_that_nobody_issued_is_told_once_for_the_terminal(town: Town) -> None:
    strangers = [town.bus.rides(some_card(n), 2) for n in (7, 8)]
    assert town.judge(*strangers) == [TapVerdict.UNKNOWN_CARD] * 2
    assert town.cases() == [("unknown_card", BUS)]


def test_clone_is_found_by_two_genuine_deeds_under_one_counter(town: Town) -> None:
    town.judge(town.bus.rides(CARD, 2, mark=b"once"))
    town.arrive(town.other.rides(CARD, 2, mark=b"copy"))
    assert town.cases() == [("card_counter_repeat", "bus-9")]
    town.seals.run()
    assert town.verdicts() == [TapVerdict.CLONED] * 2
    assert town.cases() == [("card_cloned", "bus-9")]
    assert town.cases(is_open=False) == [("card_counter_repeat", "bus-9")]
    assert f"ventanilla hub cards block {CARD.subject}" in town.explanation("card_cloned")
    assert town.booked_minor() == 150


def test_clone_within_one_turn_is_found_and_told_once(town: Town) -> None:
    marks = (b"aaaa", b"bbbb", b"cccc")
    events = [
        bus.rides(CARD, counter, mark=mark)
        for counter in (2, 3)
        for bus, mark in zip((town.bus, town.other, town.other), marks, strict=True)
    ]
    assert set(town.judge(*events)) == {TapVerdict.CLONED}
    assert town.cases() == [("card_cloned", "bus-9")]


def test_tap_that_was_told_twice_is_no_clone_and_closes_its_case(town: Town) -> None:
    town.judge(town.bus.rides(CARD, 2))
    assert town.judge(town.bus.rides(CARD, 2)) == [TapVerdict.GENUINE, TapVerdict.TWICE]
    assert town.cases() == []
    assert town.booked_minor() == 150


def test_forged_tap_under_a_used_counter_is_no_clone(town: Town) -> None:
    town.judge(town.bus.rides(CARD, 2))
    forged = town.other.rides(CARD, 2, mark=b"fake")
    assert town.judge(replace(forged, data={**forged.data, "seal": "00" * 8})) == [
        TapVerdict.GENUINE,
        TapVerdict.FORGED,
    ]
    assert town.cases() == [("card_counter_repeat", "bus-9"), ("forged_tap", "bus-9")]


def test_two_buses_without_network_and_one_card_are_both_booked(town: Town) -> None:
    assert town.judge(town.other.rides(CARD, 3), town.bus.rides(CARD, 2)) == [TapVerdict.GENUINE] * 2
    assert (town.booked_minor(), town.cases()) == (300, [])


def test_beyond_the_tolerance_a_ride_is_booked_against_the_offline_risk(town: Town) -> None:
    town.judge(*(town.bus.rides(CARD, counter, amount_minor=300) for counter in (2, 3)))
    assert town.booked_minor() == 600
    assert town.cases() == [("purse_below_floor", BUS)]


@pytest.mark.parametrize("state", [CardState.BLOCKED, CardState.REPLACED, CardState.REFUNDED])
def test_tap_after_the_card_was_denied_is_told_once(town: Town, state: CardState) -> None:
    said = Said(who="ana", why="lost", now_ms=NOW_MS)
    town.writer.run(lambda connection: CardRepository(connection).set_state(CARD.subject, state, said))
    before = town.bus.rides(CARD, 2, at_ms=NOW_MS - 60_000)
    town.judge(before)
    assert town.cases() == []
    town.judge(*(town.bus.rides(CARD, counter, at_ms=NOW_MS + 60_000) for counter in (3, 4)))
    assert town.cases() == [("tap_after_block", BUS)]


def test_hub_without_keys_judges_nothing_and_does_so_once_it_has_them(database: str) -> None:
    town = Town(database)
    town.keys = None
    town.begin()
    honest = town.bus.rides(CARD, 2)
    forged = replace(town.bus.rides(CARD, 3))
    forged = replace(forged, data={**forged.data, "seal": "00" * 8})
    assert town.judge(honest, forged) == [TapVerdict.UNCHECKED] * 2
    assert town.cases() == []
    town.keys = SealMasters()
    town.seals.run()
    assert town.verdicts() == [TapVerdict.UNKNOWN_CARD] * 2
    town.register(CARD)
    town.begin()
    for _ in range(3):
        town.seals.run()
    assert town.verdicts() == [TapVerdict.GENUINE, TapVerdict.FORGED]
    town.writer.close()


@pytest.mark.requires("softhsm2-util")
def test_taps_wait_unjudged_while_the_token_is_away_and_are_judged_when_it_is_back(
    database: str, tmp_path: Path
) -> None:
    with soft_token(tmp_path / "hsm") as token:
        ring = CardKeyRing(TwinFolder(tmp_path / "keys", None), token.vault())
        ring.make()
        record = ride(BUS, 2)
        signing = transaction_keys(ring.card_key(CARD.uid, SEAL_KEY, 1), record.counter, CARD.uid).signing
        seal = short_mac(signing, signed_input(record))
        town = Town(database, RingSeals(ring))
        town.register(CARD)
        honest = town.bus.says(CARD.subject, tap_data(record, seal))
        forged = town.bus.says(CARD.subject, tap_data(ride(BUS, 3), bytes(8)))
        town.arrive(honest, forged)
        token.take_away()
        for _ in range(3):
            with pytest.raises(TokenAwayError):
                town.seals.run()
        assert (town.verdicts(), town.cases()) == ([], [])
        token.bring_back()
        town.seals.run()
        assert town.verdicts() == [TapVerdict.GENUINE, TapVerdict.FORGED]
        town.writer.close()


def test_key_version_that_the_hub_lacks_leaves_a_tap_unchecked(town: Town) -> None:
    town.register(some_card(5, seal_version=7))
    assert town.judge(town.bus.rides(some_card(5), 2)) == [TapVerdict.UNCHECKED]
    assert town.cases() == []


@pytest.mark.parametrize(
    ("lie", "wanted"), [({}, TapVerdict.GENUINE), ({"amount_minor": 10}, TapVerdict.FORGED)]
)
def test_tap_that_was_taken_back_is_held_against_its_own_seal(
    town: Town, lie: dict[str, Any], wanted: TapVerdict
) -> None:
    tap = town.bus.rides(CARD, 2)
    record = replace(ride(BUS, 3), deed=Deed.CANCELLED, amount_minor=150, mark=b"back")
    data = tap_data(record, seal_of(CARD, record))
    plain = {name: value for name, value in data.items() if name not in {"product", "line", "stop", "zone"}}
    said = plain | {"amount_minor": 150, "reverses": tap.id} | lie
    town.arrive(tap, town.bus.says(CARD.subject, said, kind="tap.cancelled"), is_booked=not lie)
    town.seals.run()
    assert town.verdicts() == [TapVerdict.GENUINE, wanted]


@pytest.mark.sentence("P-2")
def test_tap_of_which_its_terminal_does_not_know_is_a_clerks_and_moves_no_money(town: Town) -> None:
    assert town.judge(town.bus.knows_not(CARD, 3)) == [TapVerdict.UNDECIDED]
    assert town.cases() == [("tap_undecided", BUS)]
    assert "deed number 3 of the card" in town.explanation("tap_undecided")
    with town.writer.read() as connection:
        assert connection.execute(select(tables.journal.c.id)).all() == []


def test_case_of_money_that_a_terminal_may_have_given_back_says_so(town: Town) -> None:
    tapped, event = town.bus.rides(CARD, 2), town.bus.knows_not(CARD, 3)
    town.judge(tapped, replace(event, data={**event.data, "reverses": tapped.id}))
    said = town.explanation("tap_undecided")
    assert "whether it gave back 1,50 €" in said
    assert "the card was charged" not in said


def test_undecided_tap_whose_counter_another_deed_has_is_nobodys_case(town: Town) -> None:
    wanted = [TapVerdict.GENUINE, TapVerdict.UNDECIDED]
    assert town.judge(town.other.rides(CARD, 3), town.bus.knows_not(CARD, 3, mark=b"lost")) == wanted
    assert town.cases() == []


@pytest.mark.sentence("P-2")
def test_case_of_an_undecided_tap_closes_by_itself_when_another_deed_has_its_counter(town: Town) -> None:
    job = UndecidedTaps(town.writer, lambda: NOW_MS)
    town.judge(town.bus.knows_not(CARD, 3, mark=b"lost"), town.bus.knows_not(CARD, 9, mark=b"gone"))
    town.judge(town.other.rides(CARD, 4))
    job.run()
    assert town.cases() == [("tap_undecided", BUS)] * 2
    assert town.judge(town.other.rides(CARD, 3))[-1] is TapVerdict.GENUINE
    job.run()
    assert town.cases() == [("tap_undecided", BUS)]
    assert town.cases(is_open=False) == [("tap_undecided", BUS)]


@pytest.mark.parametrize("lie", [{"counter": 5}, {"record": "00" * 48}])
def test_undecided_tap_that_contradicts_its_record_accuses_nobody(town: Town, lie: dict[str, Any]) -> None:
    event = town.bus.knows_not(CARD, 3)
    assert town.judge(replace(event, data={**event.data, **lie})) == [TapVerdict.UNDECIDED]


def test_line_that_cannot_be_opened_is_unreadable_and_stops_nothing(town: Town) -> None:
    poison = replace(town.bus.rides(CARD, 2), data={"counter": "two"})
    town.arrive(poison, is_booked=False)
    assert town.judge(town.bus.rides(CARD, 2)) == [TapVerdict.UNREADABLE, TapVerdict.GENUINE]


def test_money_of_a_fenced_device_is_judged_before_it_is_booked(town: Town) -> None:
    town.arrive(town.bus.rides(CARD, 2), is_booked=False)
    town.seals.run()
    assert town.verdicts() == [TapVerdict.GENUINE]


def test_turn_is_bounded_and_the_next_goes_on_after_a_restart(town: Town) -> None:
    town.arrive(*(town.bus.rides(CARD, counter) for counter in range(2, BATCH + 5)))
    town.seals.run()
    assert len(town.verdicts()) == BATCH
    town.begin()
    town.seals.run()
    town.seals.run()
    assert town.verdicts() == [TapVerdict.GENUINE] * (BATCH + 3)


def test_other_events_are_passed_over(town: Town) -> None:
    fee = {"reference": "T", "concept": "c", "amount_minor": 5, "currency": "EUR", "method": "card"}
    town.arrive(town.bus.says("x", fee, kind="payment.captured"))
    assert town.judge(town.bus.rides(CARD, 2)) == [TapVerdict.GENUINE]
