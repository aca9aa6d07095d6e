"""What a terminal counts on a day: each tap that happened once, whatever is cut, told until the hub knows."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from card_reader.citizen_card.journal import Deed
from card_reader.core.book import Intent
from card_reader.owner.book import CLERK_DAYS, DAY_S, DayCount
from card_reader.owner.charge import Charge
from shared.adapters.outbox.errors import LaneFullError
from shared.model.day_count import TapsCounted
from shared.model.errors import InputError
from shared.model.instants import business_day
from tests.support.cards import NOW_S
from tests.unit.card.test_durable_book import CARD, Terminal, intent

TODAY = business_day(1000 * NOW_S)
OTHER = bytes(16)


@pytest.fixture
def terminal(tmp_path: Path) -> Iterator[Terminal]:
    here = Terminal(tmp_path / "taps.db")
    yield here
    here.book.close()


def ride(terminal: Terminal, what: Intent) -> None:
    terminal.book.intend(what)
    terminal.book.happened(what, None)


def test_tap_is_counted_once_on_its_cards_day_however_often_the_power_fails(terminal: Terminal) -> None:
    ride(terminal, intent())
    terminal.again()
    terminal.book.hand_in_rest()
    assert terminal.book.untold_days() == [DayCount(TODAY, 1, 130, NOW_S)]


def test_tap_that_never_happened_or_is_open_is_not_counted(terminal: Terminal) -> None:
    terminal.book.intend(intent())
    assert terminal.book.untold_days() == []
    terminal.book.never_happened(intent())
    terminal.book.intend(intent(4))
    terminal.book.undecided(intent(4))
    assert terminal.book.untold_days() == []


def test_charge_that_is_kept_is_counted_when_it_happened_and_not_again(terminal: Terminal) -> None:
    terminal.outbox.fails = LaneFullError(LaneFullError.__doc__)
    ride(terminal, intent())
    assert terminal.book.untold_days() == [DayCount(TODAY, 1, 130, NOW_S)]
    terminal.outbox.fails = None
    terminal.book.hand_in_rest()
    assert terminal.book.untold_days() == [DayCount(TODAY, 1, 130, NOW_S)]


def test_charge_that_the_outbox_took_before_the_power_failed_is_counted(terminal: Terminal) -> None:
    terminal.book.intend(intent())
    charge = Charge(event_id="event-0001", card=CARD, record=intent().record, proof=None, is_late=False)
    terminal.outbox.hand_in(charge)
    terminal.again()
    assert terminal.book.untold_days() == [DayCount(TODAY, 1, 130, NOW_S)]


@pytest.mark.sentence("P-3")
def test_tap_that_was_taken_back_and_a_free_one_are_counted_with_what_they_moved(terminal: Terminal) -> None:
    ride(terminal, intent())
    back = intent(4)
    ride(terminal, replace(back, record=replace(back.record, deed=Deed.CANCELLED, amount_minor=130)))
    free = intent(9, OTHER)
    ride(terminal, replace(free, record=replace(free.record, amount_minor=0)))
    assert terminal.book.untold_days() == [DayCount(TODAY, 3, 0, NOW_S)]


@pytest.mark.sentence("P-4")
def test_day_that_was_told_is_told_again_when_more_is_counted(terminal: Terminal) -> None:
    ride(terminal, intent())
    (count,) = terminal.book.untold_days()
    terminal.book.day_told(count)
    assert terminal.book.untold_days() == []
    ride(terminal, intent(4))
    assert terminal.book.untold_days() == [DayCount(TODAY, 2, 260, NOW_S)]


def test_ride_of_another_day_is_counted_there(terminal: Terminal) -> None:
    old = intent()
    ride(terminal, replace(old, record=replace(old.record, at_s=NOW_S - DAY_S)))
    ride(terminal, intent(5, OTHER))
    assert [count.day for count in terminal.book.untold_days()] == [
        business_day(1000 * (NOW_S - DAY_S)),
        TODAY,
    ]


def test_counts_stay_when_their_taps_are_forgotten_and_go_when_they_are_told(terminal: Terminal) -> None:
    ride(terminal, intent())
    terminal.now_s += CLERK_DAYS * DAY_S + 1
    terminal.book.expire()
    (count,) = terminal.book.untold_days()
    terminal.book.day_told(count)
    terminal.book.expire()
    ride(terminal, intent(9, OTHER))
    assert [one.taps for one in terminal.book.untold_days()] == [1]


def test_word_of_a_count_is_read_as_it_was_written() -> None:
    data = {"day": "2026-11-21", "taps": 3, "amount_minor": -5, "currency": "EUR", "since_ms": 7, "new": 1}
    assert TapsCounted.from_data(data).to_data() == data


@pytest.mark.parametrize(
    "wrong",
    [{"day": "yesterday"}, {"day": "2026-1-1"}, {"taps": -1}, {"taps": "3"}, {"amount_minor": 1.5}],
)
def test_word_of_a_count_that_cannot_be_is_refused(wrong: dict[str, object]) -> None:
    data = {"day": "2026-11-21", "taps": 3, "amount_minor": 5, "currency": "EUR", "since_ms": 7}
    with pytest.raises(InputError):
        TapsCounted.from_data(data | wrong)
