"""One tap against the virtual card: eight commands, every way to break them, and nothing charged twice."""

from dataclasses import replace

import pytest

from card_reader.apdu.conversing import converse
from card_reader.citizen_card import layout
from card_reader.citizen_card.journal import Deed
from card_reader.citizen_card.sealing import signed_input
from card_reader.core.decision import No
from card_reader.core.tap import Yes, tap
from card_reader.desfire.transaction_mac import is_genuine
from card_reader.virtual_card.card import VirtualCard, blank
from card_reader.virtual_card.faults import Field, Plan
from shared.model.errors import CapacityError
from tests.support.cards import (
    NOW_S,
    Held,
    MemoryBook,
    Town,
    desk_of,
    journal_of,
    no_wait,
    purse_of,
    tap_once,
    trip,
)

COMMANDS = range(1, 9)


class FullBook(MemoryBook):
    """A book on a full disk."""

    def intend(self, intent: object) -> None:
        raise CapacityError("the disk is full; make room")


def test_tap_takes_eight_commands_and_the_price() -> None:
    town, book = Town(), MemoryBook()
    card = town.issue(balance_minor=1_000)
    verdict, commands = tap_once(town, card, book)
    assert (verdict.said, verdict.paid_minor, commands) == (Yes.RIDE, 130, 8)
    assert purse_of(card) == journal_of(card)[-1].balance_minor == 870
    assert [intent.record for intent, _ in book.booked] == [verdict.record]


def test_tap_carries_the_cards_signature_which_the_town_can_check() -> None:
    town, book = Town(), MemoryBook()
    card = town.issue(balance_minor=1_000)
    tap_once(town, card, book)
    ((intent, proof),) = book.booked
    uid = card.memory.uid
    assert proof is not None
    assert proof.counter == intent.record.counter == 3
    assert proof.input == signed_input(intent.record)
    assert is_genuine(town.key(uid, layout.SEAL_KEY), uid, proof)
    assert not is_genuine(town.key(bytes(7), layout.SEAL_KEY), uid, proof)


@pytest.mark.parametrize("after", [False, True], ids=["before", "after"])
@pytest.mark.parametrize("place", COMMANDS)
def test_tap_torn_at_any_command_is_charged_once_when_it_is_held_again(place: int, after: bool) -> None:
    town, book = Town(), MemoryBook()
    card = town.issue(balance_minor=1_000)
    torn, _ = tap_once(town, card, book, plan=Plan(tear_at=place, after=after))
    assert torn.said is No.REMOVED
    assert purse_of(card) == (870 if place == 8 and after else 1_000)
    again, _ = tap_once(town, card, book, now_s=NOW_S + 2)
    assert (again.said, again.paid_minor) == (Yes.RIDE, 130)
    assert purse_of(card) == 870
    assert len(book.booked) == 1
    assert not book.open


def test_tap_that_is_known_only_at_the_next_presentation_has_its_signature_all_the_same() -> None:
    town, book = Town(), MemoryBook()
    card = town.issue(balance_minor=1_000)
    tap_once(town, card, book, plan=Plan(tear_at=8, after=True))
    tap_once(town, card, book)
    ((_, proof),) = book.booked
    assert proof is not None
    assert is_genuine(town.key(card.memory.uid, layout.SEAL_KEY), card.memory.uid, proof)


def test_torn_tap_of_three_that_had_happened_is_not_charged_again() -> None:
    town, book = Town(), MemoryBook()
    card = town.issue(balance_minor=1_000)
    tap_once(town, card, book, plan=Plan(tear_at=8, after=True), passengers=3, is_keyed=True)
    again, _ = tap_once(town, card, book, passengers=3, is_keyed=True)
    assert again.said is Yes.RIDE
    assert purse_of(card) == 1_000 - 3 * 130


def test_torn_tap_that_had_happened_yesterday_is_booked_and_todays_is_charged() -> None:
    town, book = Town(), MemoryBook()
    card = town.issue(balance_minor=1_000)
    tap_once(town, card, book, plan=Plan(tear_at=8, after=True))
    today, _ = tap_once(town, card, book, now_s=NOW_S + 86_400, day=2_501)
    assert today.paid_minor == 130
    assert purse_of(card) == 1_000 - 2 * 130
    assert len(book.booked) == 2


def test_torn_tap_after_taps_elsewhere_is_found_in_the_journal() -> None:
    town, here, elsewhere = Town(), MemoryBook(), MemoryBook()
    card = town.issue(balance_minor=5_000)
    tap_once(town, card, here, plan=Plan(tear_at=8, after=True))
    for hour in range(1, 5):
        tap_once(town, card, elsewhere, terminal=8, now_s=NOW_S + hour * 7_200)
    tap_once(town, card, here, now_s=NOW_S + 86_400, day=2_501)
    assert len(here.booked) == 2
    assert len(elsewhere.booked) == 4


def test_torn_tap_whose_counter_is_anothers_never_happened() -> None:
    town, here, elsewhere = Town(), MemoryBook(), MemoryBook()
    card = town.issue(balance_minor=5_000)
    tap_once(town, card, here, plan=Plan(tear_at=8, after=False))
    tap_once(town, card, elsewhere, terminal=8)
    tap_once(town, card, here, now_s=NOW_S + 86_400, day=2_501)
    assert len(here.never) == 1
    assert purse_of(card) == 5_000 - 2 * 130


def test_torn_tap_that_the_journal_no_longer_holds_is_a_clerks() -> None:
    town, here, elsewhere = Town(), MemoryBook(), MemoryBook()
    card = town.issue(balance_minor=9_000)
    tap_once(town, card, here, plan=Plan(tear_at=8, after=True))
    for day in range(1, layout.RECORDS_KEPT + 2):
        tap_once(town, card, elsewhere, terminal=8, now_s=NOW_S + day * 86_400, day=2_500 + day)
    tap_once(town, card, here, now_s=NOW_S + 90 * 86_400, day=2_590)
    assert len(here.for_a_clerk) == 1
    assert len(here.booked) == 1


@pytest.mark.parametrize("place", COMMANDS)
@pytest.mark.parametrize("fault", ["mute_at", "wrong_mac_at", "replay_at"])
def test_tap_that_is_disturbed_is_no_ride_and_never_charged_twice(fault: str, place: int) -> None:
    town, book = Town(), MemoryBook()
    card = town.issue(balance_minor=1_000)
    disturbed, _ = tap_once(town, card, book, plan=replace(Plan(), **{fault: place}))
    assert isinstance(disturbed.said, No) or fault == "replay_at" or place == 1
    tap_once(town, card, book, now_s=NOW_S + 2)
    assert purse_of(card) == 870
    assert len(book.booked) == 1
    assert not book.open


def test_second_presentation_at_the_same_terminal_is_valid_already() -> None:
    town, book = Town(), MemoryBook()
    card = town.issue(balance_minor=1_000)
    tap_once(town, card, book)
    verdict, commands = tap_once(town, card, book, now_s=NOW_S + 60)
    assert verdict.said is Yes.ALREADY
    assert commands == 5
    assert purse_of(card) == 870


def test_transfer_costs_nothing_and_seven_commands() -> None:
    town, book = Town(), MemoryBook()
    card = town.issue(balance_minor=1_000)
    tap_once(town, card, book)
    verdict, commands = tap_once(town, card, book, terminal=8, line=5, now_s=NOW_S + 900)
    assert (verdict.said, commands) == (Yes.TRANSFER, 7)
    assert purse_of(card) == 870
    assert journal_of(card)[-1].deed is Deed.TRANSFER


def test_intent_that_cannot_be_kept_charges_nobody() -> None:
    town = Town()
    card = town.issue(balance_minor=1_000)
    with pytest.raises(CapacityError):
        tap_once(town, card, FullBook())
    assert purse_of(card) == 1_000


def test_card_of_nobody_we_know_is_foreign() -> None:
    town = Town()
    card = VirtualCard(blank(bytes(7)), town.random.randbytes)
    assert tap_once(town, card, MemoryBook()).verdict.said is No.FOREIGN_CARD


def test_card_of_another_town_is_not_genuine() -> None:
    card = Town(1).issue(balance_minor=1_000)
    assert tap_once(Town(2), card, MemoryBook()).verdict.said is No.NOT_GENUINE


def test_card_that_the_purse_refuses_has_too_little_whatever_its_journal_says() -> None:
    town = Town()
    card = town.issue(lowest_minor=0)
    town.top_up(card, 50)
    verdict, _ = tap_once(town, card, MemoryBook())
    assert verdict.said is No.NO_BALANCE
    assert purse_of(card) == 50


@pytest.mark.parametrize(
    ("holder", "said"),
    [
        ({"valid_until": 2_499}, No.EXPIRED),
        ({"form": 3, "reader_min": 3}, No.WRONG_VERSION),
        ({"form": 3, "reader_min": 2, "spare": b"grows"}, Yes.RIDE),
        ({"form": 2, "reader_min": 2}, Yes.RIDE),
    ],
)
def test_card_of_another_day_or_version_is_told_apart(holder: dict[str, int], said: No | Yes) -> None:
    town = Town()
    card = town.issue(balance_minor=1_000, **holder)
    assert tap_once(town, card, MemoryBook()).verdict.said is said


def test_card_on_the_deny_list_is_blocked_by_its_issue_alone() -> None:
    town = Town()
    old, new = town.issue(balance_minor=1_000, issue=0), town.issue(balance_minor=1_000, issue=1)
    for card, said in ((old, No.BLOCKED), (new, Yes.RIDE)):
        verdict, _ = tap_once(town, card, MemoryBook(), denied=lambda _id, issue: issue == 0)
        assert verdict.said is said


def test_file_that_holds_nothing_sensible_is_unreadable() -> None:
    town = Town()
    card = town.issue(form=0)
    assert tap_once(town, card, MemoryBook()).verdict.said is No.UNREADABLE


def test_card_of_the_version_before_rides_with_two_commands_more_until_that_is_retired() -> None:
    before, now = Town(1), Town(2)
    old, new = before.issue(balance_minor=1_000), now.issue(balance_minor=1_000)

    def both(uid: bytes) -> tuple[bytes, ...]:
        return now.key(uid, layout.TAP_KEY), before.key(uid, layout.TAP_KEY)

    for card, commands in ((new, 8), (old, 10)):
        field = Field(card, no_wait)
        desk = replace(desk_of(now, MemoryBook()), keys=both)
        verdict = converse(Held(field), tap(card.memory.uid, trip(), desk))
        assert (verdict.said, field.count, purse_of(card)) == (Yes.RIDE, commands, 870)
    assert tap_once(now, old, MemoryBook()).verdict.said is No.NOT_GENUINE
    stolen = Town(3).issue(balance_minor=1_000)
    desk = replace(desk_of(now, MemoryBook()), keys=both)
    verdict = converse(Held(Field(stolen, no_wait)), tap(stolen.memory.uid, trip(), desk))
    assert (verdict.said, purse_of(stolen)) == (No.NOT_GENUINE, 1_000)


@pytest.mark.parametrize("after", [False, True], ids=["before", "after"])
@pytest.mark.parametrize("place", range(1, 11))
def test_card_of_the_version_before_torn_at_any_command_is_charged_once(place: int, after: bool) -> None:
    before, now, book = Town(1), Town(2), MemoryBook()
    card = before.issue(balance_minor=1_000)
    desk = replace(
        desk_of(now, book), keys=lambda uid: (now.key(uid, layout.TAP_KEY), before.key(uid, layout.TAP_KEY))
    )
    for plan in (Plan(tear_at=place, after=after), Plan()):
        field = Field(card, no_wait)
        field.present(plan)
        verdict = converse(Held(field), tap(card.memory.uid, trip(), desk))
    assert verdict.said is Yes.RIDE
    assert (purse_of(card), len(book.booked)) == (870, 1)
