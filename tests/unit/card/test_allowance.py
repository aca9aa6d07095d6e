"""What a card may spend at a terminal whose deny list is too old: the town's limit, and no more."""

from dataclasses import replace

from card_reader.apdu.conversing import converse
from card_reader.core.allowance import CARDS_COUNTED_MAX, Allowance
from card_reader.core.decision import No
from card_reader.core.tap import Yes, tap
from card_reader.core.trip import Undoing
from card_reader.virtual_card.card import VirtualCard
from card_reader.virtual_card.faults import Field, Plan
from tests.support.cards import NOW_S, Held, MemoryBook, Town, desk_of, no_wait, purse_of, trip


class Bus:
    """A terminal whose list is too old, until it is not."""

    def __init__(self, limit_minor: int) -> None:
        self.town, self.book, self.is_old = Town(), MemoryBook(), True
        self.allowance = Allowance(lambda: self.is_old, lambda: limit_minor)
        self.now_s = NOW_S

    def tap(self, card: VirtualCard, plan: Plan | None = None, **how: object) -> No | Yes:
        self.now_s += 1
        field = Field(card, no_wait)
        field.present(plan or Plan())
        desk = replace(desk_of(self.town, self.book), allowance=self.allowance)
        place = trip(**({"now_s": self.now_s, "is_keyed": True} | how))
        return converse(Held(field), tap(card.memory.uid, place, desk)).said


def test_card_spends_the_limit_and_no_more_until_there_is_a_newer_list() -> None:
    bus = Bus(300)
    card, other = bus.town.issue(balance_minor=2_000), bus.town.issue(balance_minor=2_000)
    assert [bus.tap(card) for _ in range(3)] == [Yes.RIDE, Yes.RIDE, No.UNCHECKED]
    assert purse_of(card) == 2_000 - 260
    assert bus.tap(other) is Yes.RIDE
    bus.is_old = False
    assert bus.tap(card) is Yes.RIDE
    bus.is_old = True
    assert [bus.tap(card) for _ in range(3)] == [Yes.RIDE, Yes.RIDE, No.UNCHECKED]


def test_ride_that_costs_nothing_is_not_limited() -> None:
    bus = Bus(0)
    card = bus.town.issue(balance_minor=2_000)
    assert bus.tap(card) is No.UNCHECKED
    bus.is_old = False
    assert bus.tap(card) is Yes.RIDE
    bus.is_old = True
    assert bus.tap(card, terminal=8, line=5, now_s=bus.now_s + 600) is Yes.TRANSFER


def test_tap_that_never_happened_or_was_taken_back_is_not_counted_and_an_unknown_one_is() -> None:
    bus = Bus(130)
    card = bus.town.issue(balance_minor=2_000)
    assert bus.tap(card, Plan(tear_at=8)) is No.REMOVED
    assert bus.tap(card) is Yes.RIDE
    assert bus.tap(card) is No.UNCHECKED
    intent, _ = bus.book.booked[-1]
    undoing = Undoing(card=intent.card, ride=intent.record)
    assert bus.tap(card, undoing=undoing, is_keyed=False) is Yes.UNDONE
    assert bus.tap(card) is Yes.RIDE
    torn = bus.town.issue(balance_minor=2_000)
    assert bus.tap(torn, Plan(tear_at=8, after=True), is_keyed=False) is No.REMOVED
    assert bus.tap(torn, is_keyed=False) is Yes.RIDE
    assert bus.tap(torn) is No.UNCHECKED


def test_no_more_cards_are_counted_than_there_is_room_for() -> None:
    allowance = Allowance(lambda: True, lambda: 100)
    for number in range(CARDS_COUNTED_MAX + 1):
        allowance.count(number.to_bytes(4, "big"), 100)
    assert allowance.left_minor(bytes(4)) == 100
    assert allowance.left_minor((1).to_bytes(4, "big")) == 0
