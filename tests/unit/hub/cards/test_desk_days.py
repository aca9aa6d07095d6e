"""A desk's day: its deeds as cards hold them, as they are booked and as the core has them."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import update

from card_reader.virtual_card.card import VirtualCard
from card_reader.virtual_card.faults import Plan
from hub.db.card_deed_tables import card_deed
from hub.db.day_reconciliation import reconcile_day
from hub.db.tables import exception, outgoing
from hub.domain.cards.days import Sum, TerminalDay
from hub.domain.cards.verdict import Said
from hub.jobs.day_reconciliation import DAY_MS, DayReconciliation
from shared.model.errors import InputError
from shared.model.instants import business_day
from tests.property.test_desk_and_bus import RingTown
from tests.support.cards import MemoryBook, tap_once
from tests.support.desk import DESK, ISSUE, PASS, TICKET, Office
from tests.support.hub_database import NOW_MS
from tests.unit.hub.cards.test_desk_deeds import CHARGE, COMMIT

DAY = business_day(NOW_MS)


@pytest.fixture
def office(tmp_path: Path) -> Iterator[Office]:
    office = Office(tmp_path)
    yield office
    office.close()


def day_of(office: Office, day: str = DAY) -> TerminalDay:
    with office.writer.read() as connection:
        (found,) = reconcile_day(connection, day, {DESK: "townhall"})
    return found


def core_has(office: Office, state: str) -> None:
    office.writer.run(lambda connection: connection.execute(update(outgoing).values(state=state)))


def do_everything(office: Office) -> VirtualCard:
    """Each deed of a desk, once; 15.50 are left in the purse, go to a new card, and are handed out."""
    card = office.issued(5_000)
    everything: list[dict[str, Any]] = [
        {"do": "sell", "product": PASS, "paid_by": "purse", "first_day": 0},
        {"do": "sell", "product": TICKET, "paid_by": "cash", "first_day": 0},
        CHARGE,
        {"do": "block"},
        {"do": "unblock"},
    ]
    for asked in everything:
        assert office.ask(card, **asked).said is Said.DONE
    subject = str(office.rows(card_deed)[0]["subject"])
    new = office.blank()
    assert office.ask(new, **{**ISSUE, "do": "replace", "replaces": subject}).said is Said.DONE
    assert office.ask(new, do="refund").said is Said.DONE
    return card


def test_day_with_every_deed_of_a_desk_agrees_everywhere(office: Office) -> None:
    do_everything(office)
    moved = Sum(taps=9, amount_minor=5_000 + 3_000 + 850 + 450 + 1_550 + 1_550)
    found = day_of(office)
    assert (found.device, found.site, found.is_desk, found.counted) == (DESK, "townhall", True, None)
    assert (found.arrived, found.booked) == (moved, moved)
    assert (found.due, found.settled, found.waiting) == (Sum(taps=6, amount_minor=12_400), Sum(), 6)
    assert (found.differences(), found.remarks) == ([], ["6 deeds are on their way to the core."])
    core_has(office, "done")
    found = day_of(office)
    assert (found.settled, found.differences(), found.remarks) == (found.due, [], [])


def test_day_before_and_day_after_have_nothing_of_it(office: Office) -> None:
    do_everything(office)
    with office.writer.read() as connection:
        assert reconcile_day(connection, business_day(NOW_MS - DAY_MS)) == []
        assert reconcile_day(connection, business_day(NOW_MS + DAY_MS)) == []


@pytest.mark.parametrize("day", ["0000-00-00", "2026-02-30", "9999-12-31", "today"])
def test_day_that_there_is_none_is_refused(office: Office, day: str) -> None:
    with office.writer.read() as connection, pytest.raises(InputError, match="no such day"):
        reconcile_day(connection, day)


def test_deed_of_which_nobody_knows_is_in_no_sum_and_said(office: Office) -> None:
    card = office.issued()
    order = office.order(do="top_up", amount_minor=700)
    office.hold(card, order, Plan(tear_at=COMMIT, after=True))
    found = day_of(office)
    assert (found.arrived, found.booked, found.unsettled) == (Sum(taps=1), Sum(taps=1), 1)
    assert (found.differences(), "hold the card" in found.remarks[0]) == ([], True)
    office.hold(card, order)
    assert (day_of(office).arrived, day_of(office).remarks[1:]) == (Sum(taps=2, amount_minor=700), [])


def test_deed_found_only_behind_a_later_one_has_no_signature_and_is_a_clerks(office: Office) -> None:
    card = office.issued(1_000)
    order = office.order(do="top_up", amount_minor=700)
    office.hold(card, order, Plan(tear_at=COMMIT, after=True))
    tap_once(RingTown(office), card, MemoryBook(), now_s=NOW_MS // 1_000)
    assert office.hold(card, order).said is Said.DONE
    found = day_of(office)
    assert (found.arrived, found.unsigned) == (Sum(taps=3, amount_minor=1_700), 1)
    assert "until a clerk says so" in " ".join(found.remarks)


@pytest.mark.parametrize("state", ["dead", "undecided"])
def test_deeds_that_the_core_does_not_have_are_a_case_until_it_has_them(office: Office, state: str) -> None:
    do_everything(office)
    core_has(office, state)
    job = DayReconciliation(office.writer, lambda: NOW_MS + 2 * DAY_MS)
    job.run()
    (case,) = (row for row in office.rows(exception) if row["kind"] == "day_differs")
    assert (case["device"], "6 booked deeds" in str(case["detail"])) == (DESK, True)
    core_has(office, "done")
    job.run()
    (case,) = (row for row in office.rows(exception) if row["kind"] == "day_differs")
    assert case["resolved_ms"] is not None


def test_deed_that_says_otherwise_than_the_journal_is_a_case(office: Office) -> None:
    do_everything(office)
    (sale,) = (row for row in office.rows(card_deed) if row["asked"].get("product") == TICKET)
    changed = update(card_deed).where(card_deed.c.id == sale["id"])
    less = {**sale["asked"], "amount_minor": 100}
    office.writer.run(lambda connection: connection.execute(changed.values(asked=less)))
    assert "call the auditor" in " ".join(day_of(office).differences())
