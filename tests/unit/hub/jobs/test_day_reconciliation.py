"""A terminal's day four times over: what agrees is quiet, what does not is a case until it does."""

import shutil
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from sqlalchemy import Connection, insert, update

from hub.db import tables
from hub.db.day_reconciliation import reconcile_day
from hub.db.engine import sqlite_url
from hub.db.opening import open_database
from hub.db.tap_tables import terminal_day
from hub.domain.cards.days import Sum, TerminalDay
from hub.jobs.day_reconciliation import DAY_MS, DayReconciliation
from tests.support.card_register import some_card
from tests.support.hub_database import NOW_MS
from tests.support.signed_taps import ride, tap_data
from tests.unit.hub.jobs.test_tap_seals import BUS, CARD, Town

DAY = "2026-11-21"
LATER_MS = NOW_MS + 2 * DAY_MS


class Audited(Town):
    """A town whose terminals count, and whose days are reconciled."""

    def counts(self, taps: int, amount_minor: int, device: str = BUS) -> None:
        row = {"device": device, "day": DAY, "currency": "EUR", "taps": taps}
        row |= {"amount_minor": amount_minor, "since_ms": 1, "told_ms": NOW_MS}
        self.writer.run(lambda connection: connection.execute(insert(terminal_day).values(row)))

    def settle(self, state: str = "done") -> None:
        """The core takes what is booked, or does not."""
        self.writer.run(lambda connection: connection.execute(update(tables.outgoing).values(state=state)))

    def day(self) -> TerminalDay:
        with self.writer.read() as connection:
            (found,) = reconcile_day(connection, DAY)
        return found

    def audit(self) -> list[tuple[str, str | None]]:
        """The job has a turn two days later; returns the open cases of its kinds."""
        DayReconciliation(self.writer, lambda: LATER_MS).run()
        return [case for case in self.cases() if case[0] in {"day_differs", "unsigned_taps"}]


@pytest.fixture(scope="module")
def empty(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("empty") / "hub.db"
    open_database(sqlite_url(path), None).close()
    return path


@pytest.fixture
def town(empty: Path, tmp_path: Path) -> Iterator[Audited]:
    town = Audited(sqlite_url(Path(shutil.copy(empty, tmp_path / "hub.db"))))
    town.register(CARD)
    yield town
    town.writer.close()


def walk_through_a_day(town: Audited) -> None:
    """All four agree; the same on both databases."""
    town.judge(town.bus.rides(CARD, 2), town.bus.rides(CARD, 3, amount_minor=0), town.bus.rides(CARD, 4))
    town.counts(3, 300)
    town.settle()
    found = town.day()
    assert (found.counted, found.arrived, found.booked) == (Sum(taps=3, amount_minor=300),) * 3
    assert (found.due, found.settled) == (Sum(taps=2, amount_minor=300),) * 2
    assert (found.signed, found.lines, found.differences(), found.remarks) == (3, ("4",), [], [])
    assert town.audit() == []


def test_day_on_which_all_agrees_is_quiet(town: Audited) -> None:
    walk_through_a_day(town)


def test_rides_that_have_not_arrived_are_a_case_until_they_have(town: Audited) -> None:
    town.counts(2, 300)
    town.judge(town.bus.rides(CARD, 2))
    assert town.audit() == [("day_differs", BUS)]
    assert "1 rides (1,50 €) that the terminal counted have not arrived" in town.explanation("day_differs")
    assert town.audit() == [("day_differs", BUS)]
    town.judge(town.bus.rides(CARD, 3))
    assert town.audit() == []


def test_rides_that_the_terminal_never_counted_are_a_case(town: Audited) -> None:
    town.counts(1, 150)
    town.judge(town.bus.rides(CARD, 2), town.bus.rides(CARD, 3))
    assert town.audit() == [("day_differs", BUS)]
    assert "1 rides more arrived than the terminal counted" in town.explanation("day_differs")


def test_same_number_and_other_sum_is_a_case(town: Audited) -> None:
    town.counts(1, 300)
    town.judge(town.bus.rides(CARD, 2))
    assert "differ by 1,50 €" in town.day().differences()[0]


def test_money_in_quarantine_is_a_case_until_it_is_booked(town: Audited) -> None:
    tap = town.bus.rides(CARD, 2)
    town.arrive(tap, is_booked=False)
    town.seals.run()
    assert town.audit() == [("day_differs", BUS)]
    assert "arrived and are not booked" in town.explanation("day_differs")


@pytest.mark.parametrize("state", ["dead", "undecided"])
def test_payment_that_the_core_does_not_take_is_a_case(town: Audited, state: str) -> None:
    town.judge(town.bus.rides(CARD, 2))
    assert town.audit() == []
    town.settle(state)
    assert town.audit() == [("day_differs", BUS)]
    assert "not at the core" in town.explanation("day_differs")
    town.settle()
    assert town.audit() == []


def test_case_that_a_clerk_closed_is_not_opened_again(town: Audited) -> None:
    town.counts(9, 900)
    assert town.audit() == [("day_differs", BUS)]

    def close(connection: Connection) -> None:
        connection.execute(update(tables.exception).values(resolved_ms=NOW_MS))

    town.writer.run(close)
    assert town.audit() == []


def test_second_ride_of_a_clone_is_no_difference_and_is_told(town: Audited) -> None:
    town.judge(town.bus.rides(CARD, 2, mark=b"once"), town.bus.rides(CARD, 2, mark=b"copy"))
    found = town.day()
    assert (found.repeated, found.differences()) == (Sum(taps=1, amount_minor=150), [])
    assert any("used a counter twice" in said for said in found.remarks)


def test_ride_belongs_to_the_day_on_which_it_was_ridden(town: Audited) -> None:
    town.judge(town.bus.rides(CARD, 2, at_ms=NOW_MS - 3 * DAY_MS), town.bus.rides(CARD, 3))
    assert town.day().arrived.taps == 1


def test_terminal_that_asks_for_no_signatures_is_a_case(town: Audited) -> None:
    records = [ride(BUS, counter, amount_minor=10, mark=bytes([counter] * 4)) for counter in range(2, 8)]
    town.judge(*(town.bus.says(CARD.subject, tap_data(record, None)) for record in records))
    assert town.audit() == [("unsigned_taps", BUS)]


def test_terminal_that_has_a_few_rides_without_signature_is_no_case(town: Audited) -> None:
    town.register(some_card(3))
    signed = [town.bus.rides(some_card(3), counter, amount_minor=1) for counter in range(2, 100)]
    bare = [town.bus.says(CARD.subject, tap_data(ride(BUS, n, amount_minor=1), None)) for n in range(2, 6)]
    town.judge(*signed, *bare)
    assert town.audit() == []


def test_forged_rides_are_told_beside_the_sums(town: Audited) -> None:
    tap = town.bus.rides(CARD, 2)
    town.judge(replace(tap, data={**tap.data, "seal": "00" * 8}))
    assert town.day().doubted == 1
