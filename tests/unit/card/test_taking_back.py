"""A tap that the driver takes back: one deed, torn at any command, given back once, charged never."""

from typing import Any

import pytest

from card_reader.citizen_card import layout
from card_reader.citizen_card.journal import Deed
from card_reader.citizen_card.sealing import signed_input
from card_reader.core.decision import No
from card_reader.core.tap import Yes
from card_reader.core.trip import Undoing
from card_reader.desfire.transaction_mac import is_genuine
from card_reader.virtual_card.card import VirtualCard
from card_reader.virtual_card.faults import Plan
from tests.support.cards import NOW_S, MemoryBook, Tapped, Town, journal_of, purse_of, tap_once

LATER_S = NOW_S + 30


class Bus:
    """A terminal whose driver takes taps back."""

    def __init__(self) -> None:
        self.town, self.book = Town(), MemoryBook()
        self.card = self.town.issue(balance_minor=1_000)

    def tap(self, card: VirtualCard | None = None, **how: Any) -> Tapped:  # noqa: ANN401  fields of several types, by name
        return tap_once(self.town, card or self.card, self.book, **how)

    def undoing(self) -> Undoing:
        intent, _ = self.book.booked[-1]
        return Undoing(card=intent.card, ride=intent.record)


@pytest.fixture
def bus() -> Bus:
    return Bus()


def test_tap_that_is_taken_back_gives_the_money_back_and_leaves_the_card_as_it_was(bus: Bus) -> None:
    before = journal_of(bus.card)[-1]
    bus.tap(passengers=3, is_keyed=True)
    verdict, commands = bus.tap(now_s=LATER_S, undoing=bus.undoing())
    assert (verdict.said, verdict.paid_minor, commands) == (Yes.UNDONE, -390, 9)
    assert purse_of(bus.card) == 1_000
    after = journal_of(bus.card)[-1]
    assert (after.deed, after.counter, after.amount_minor, after.balance_minor, after.passengers) == (
        Deed.CANCELLED,
        before.counter + 2,
        390,
        1_000,
        3,
    )
    kept = ("transfer_until_s", "transfers_left", "party", "cap_day", "cap_spent_minor", "rides", "line")
    assert [getattr(after, name) for name in kept] == [getattr(before, name) for name in kept]


def test_tap_that_is_taken_back_is_signed_by_the_card(bus: Bus) -> None:
    bus.tap()
    bus.tap(now_s=LATER_S, undoing=bus.undoing())
    intent, proof = bus.book.booked[-1]
    assert proof is not None
    assert proof.input == signed_input(intent.record)
    uid = bus.card.memory.uid
    assert is_genuine(bus.town.key(uid, layout.SEAL_KEY), uid, proof)


@pytest.mark.parametrize("after", [False, True], ids=["before", "after"])
@pytest.mark.parametrize("place", range(1, 10))
def test_taking_back_torn_at_any_command_gives_back_once(bus: Bus, place: int, after: bool) -> None:
    bus.tap()
    undoing = bus.undoing()
    torn, _ = bus.tap(now_s=LATER_S, undoing=undoing, plan=Plan(tear_at=place, after=after))
    assert torn.said is No.REMOVED
    again, _ = bus.tap(now_s=LATER_S + 2, undoing=undoing)
    assert (again.said, again.paid_minor) == (Yes.UNDONE, -130)
    assert purse_of(bus.card) == 1_000
    assert len(bus.book.booked) == 2
    assert not bus.book.open


@pytest.mark.parametrize("after", [False, True], ids=["never happened", "happened"])
def test_taking_back_that_is_known_only_after_the_minute_is_settled_and_charges_nobody(
    bus: Bus, after: bool
) -> None:
    bus.tap()
    bus.tap(now_s=LATER_S, undoing=bus.undoing(), plan=Plan(tear_at=9, after=after))
    verdict, _ = bus.tap(now_s=LATER_S + 70)
    assert verdict.said is (Yes.UNDONE if after else Yes.ALREADY)
    assert purse_of(bus.card) == (1_000 if after else 870)
    assert not bus.book.open


def test_card_that_still_lies_there_after_it_was_taken_back_is_not_charged_again(bus: Bus) -> None:
    bus.tap()
    bus.tap(now_s=LATER_S, undoing=bus.undoing())
    still, commands = bus.tap(now_s=LATER_S + 1)
    assert (still.said, still.paid_minor, commands) == (Yes.UNDONE, 0, 5)
    anew, _ = bus.tap(now_s=LATER_S + 5, passengers=1, is_keyed=True)
    assert (anew.said, anew.paid_minor) == (Yes.RIDE, 130)


def test_card_of_somebody_else_rides_while_a_tap_is_to_be_taken_back(bus: Bus) -> None:
    bus.tap()
    other = bus.town.issue(balance_minor=1_000)
    verdict, _ = bus.tap(other, now_s=LATER_S, undoing=bus.undoing())
    assert (verdict.said, purse_of(other), purse_of(bus.card)) == (Yes.RIDE, 870, 870)


def test_tap_after_which_the_card_was_used_elsewhere_is_not_taken_back(bus: Bus) -> None:
    bus.tap()
    undoing = bus.undoing()
    bus.town.top_up(bus.card, 500)
    verdict, _ = bus.tap(now_s=LATER_S, undoing=undoing)
    assert verdict.said is No.NO_UNDOING
    assert purse_of(bus.card) == 1_370


def test_tap_is_not_taken_back_twice(bus: Bus) -> None:
    bus.tap()
    undoing = bus.undoing()
    bus.tap(now_s=LATER_S, undoing=undoing)
    verdict, _ = bus.tap(now_s=LATER_S + 1, undoing=undoing)
    assert verdict.said is No.NO_UNDOING
    assert purse_of(bus.card) == 1_000


def test_transfer_that_is_taken_back_may_be_made_again_on_the_same_bus(bus: Bus) -> None:
    bus.tap(terminal=8, line=5, now_s=NOW_S - 600)
    assert bus.tap().verdict.said is Yes.TRANSFER
    verdict, commands = bus.tap(now_s=LATER_S, undoing=bus.undoing())
    assert (verdict.said, commands) == (Yes.UNDONE, 8)
    again, _ = bus.tap(now_s=LATER_S + 5, passengers=1, is_keyed=True)
    assert (again.said, purse_of(bus.card)) == (Yes.TRANSFER, 870)


def test_tap_from_before_a_power_cut_is_taken_back_without_being_told_again(bus: Bus) -> None:
    bus.tap()
    bus.book.restart()
    verdict, _ = bus.tap(now_s=LATER_S, undoing=bus.undoing())
    assert verdict.said is Yes.UNDONE
