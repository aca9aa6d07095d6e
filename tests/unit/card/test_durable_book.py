"""The durable book: what it still knows after a power cut, and that a charge is handed in once."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from card_reader.citizen_card.journal import Deed, Record
from card_reader.core.book import INTENT_DAYS_MAX, Intent
from card_reader.core.decision import No
from card_reader.core.tap import Yes
from card_reader.desfire.transaction_mac import is_genuine
from card_reader.owner.book import CLERK_DAYS, DAY_S, OVER_S, UNDO_S, BookBrokenError, DurableBook
from card_reader.owner.charge import Charge
from card_reader.virtual_card.faults import Plan
from shared.adapters.outbox.errors import LaneFullError
from shared.edge.errors import OutcomeUnknownError
from shared.model.errors import InputError, VentanillaError
from tests.support.cards import NOW_S, Town, purse_of, tap_once

CARD = bytes(range(16))


class Outbox:
    """Takes charges; `fails` makes it refuse, `forgets_to_say` take them and leave it unsaid."""

    def __init__(self) -> None:
        self.taken: list[Charge] = []
        self.drawn = 0
        self.fails: VentanillaError | None = None
        self.forgets_to_say = False

    def new_event_id(self) -> str:
        self.drawn += 1
        return f"event-{self.drawn:04}"

    def hand_in(self, charge: Charge) -> None:
        if self.fails is not None:
            raise self.fails
        assert not self.has(charge.event_id), "handed in twice"
        self.taken.append(charge)
        if self.forgets_to_say:
            raise OutcomeUnknownError(OutcomeUnknownError.__doc__)

    def has(self, event_id: str) -> bool:
        return any(charge.event_id == event_id for charge in self.taken)


class Terminal:
    """One book after another on one file; `again` is a power cut."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.outbox = Outbox()
        self.now_s = NOW_S
        self.book = self.opened()

    def opened(self, device: str = "bus-7") -> DurableBook:
        return DurableBook(self.path, device, self.outbox, lambda: self.now_s)

    def again(self) -> DurableBook:
        self.book.close()
        self.book = self.opened()
        return self.book


@pytest.fixture
def terminal(tmp_path: Path) -> Iterator[Terminal]:
    here = Terminal(tmp_path / "taps.db")
    yield here
    here.book.close()


def intent(counter: int = 3, card: bytes = CARD) -> Intent:
    record = Record(
        deed=Deed.RIDE, counter=counter, at_s=NOW_S, terminal=7, mark=b"mark", amount_minor=-130, product=1
    )
    return Intent(card=card, record=record, is_keyed=True)


def test_intent_is_there_after_a_power_cut_and_no_more_once_it_is_settled(terminal: Terminal) -> None:
    terminal.book.intend(intent())
    assert terminal.again().intent_of(CARD) == intent()
    terminal.book.never_happened(intent())
    assert terminal.book.intent_of(CARD) is None
    assert terminal.outbox.taken == []


def test_second_intent_of_a_card_before_the_first_is_settled_is_refused(terminal: Terminal) -> None:
    terminal.book.intend(intent())
    with pytest.raises(BookBrokenError):
        terminal.book.intend(intent(4))
    assert terminal.book.intent_of(CARD) == intent()


def test_tap_that_happened_is_handed_in_once_whatever_is_opened_again(terminal: Terminal) -> None:
    terminal.book.intend(intent())
    terminal.book.happened(intent(), None)
    terminal.again()
    terminal.book.happened(intent(), None)
    terminal.again()
    assert [charge.record.counter for charge in terminal.outbox.taken] == [3]
    assert terminal.book.counts() == {"open": 0, "happened": 0, "booked": 1, "clerk": 0, "reported": 0}


def test_charge_that_the_outbox_took_before_the_power_failed_is_not_given_again(terminal: Terminal) -> None:
    terminal.book.intend(intent())
    (event_id,) = ["event-0001"]
    charge = Charge(event_id=event_id, card=CARD, record=intent().record, proof=None, is_late=False)
    terminal.outbox.hand_in(charge)  # and the power fails before the book says so
    terminal.again()
    assert terminal.book.intent_of(CARD) is None
    assert terminal.book.untold_of(CARD) == intent()
    assert len(terminal.outbox.taken) == 1


@pytest.mark.parametrize("reopened", [False, True])
def test_charge_that_the_outbox_does_not_take_is_kept_and_handed_in_later(
    terminal: Terminal, reopened: bool
) -> None:
    terminal.outbox.fails = LaneFullError(LaneFullError.__doc__)
    terminal.book.intend(intent())
    terminal.book.happened(intent(), None)
    terminal.book.hand_in_rest()
    assert terminal.book.counts()["happened"] == 1
    assert terminal.book.intent_of(CARD) is None
    if reopened:
        terminal.again()
    terminal.outbox.fails = None
    terminal.book.hand_in_rest()
    assert [charge.event_id for charge in terminal.outbox.taken] == ["event-0001"]
    assert terminal.book.counts()["booked"] == 1


def test_charge_of_which_the_outbox_did_not_say_is_looked_up_before_it_is_given_again(
    terminal: Terminal,
) -> None:
    terminal.outbox.forgets_to_say = True
    terminal.book.intend(intent())
    terminal.book.happened(intent(), None)
    terminal.outbox.forgets_to_say = False
    terminal.book.hand_in_rest()
    assert len(terminal.outbox.taken) == 1
    assert terminal.book.counts()["booked"] == 1


def test_tap_is_untold_after_a_power_cut_until_it_is_told(terminal: Terminal) -> None:
    terminal.book.intend(intent())
    terminal.book.happened(intent(), None)
    terminal.book.told(CARD)
    assert terminal.book.untold_of(CARD) is None
    assert terminal.again().untold_of(CARD) == intent()
    terminal.book.told(CARD)
    assert terminal.book.untold_of(CARD) is None


def test_tap_that_nobody_settles_is_a_clerks_and_ends(terminal: Terminal) -> None:
    terminal.book.intend(intent())
    terminal.now_s += INTENT_DAYS_MAX * DAY_S
    terminal.book.expire()
    assert terminal.book.intent_of(CARD) == intent()
    terminal.now_s += 1
    terminal.book.expire()
    assert terminal.book.intent_of(CARD) is None
    (tap,) = terminal.again().for_a_clerk()
    assert (tap["subject"], tap["counter"], tap["amount_minor"]) == (CARD.hex(), 3, 130)
    terminal.now_s += CLERK_DAYS * DAY_S
    terminal.book.expire()
    assert terminal.book.for_a_clerk() == []


def test_tap_that_the_card_no_longer_tells_of_is_a_clerks(terminal: Terminal) -> None:
    terminal.book.intend(intent())
    terminal.book.undecided(intent())
    assert terminal.again().counts() == {"open": 0, "happened": 0, "booked": 0, "clerk": 0, "reported": 1}


@pytest.mark.sentence("P-1")
def test_tap_that_is_a_clerks_is_told_to_the_hub_once_under_its_own_event(terminal: Terminal) -> None:
    terminal.outbox.fails = LaneFullError(LaneFullError.__doc__)
    terminal.book.intend(intent())
    terminal.book.undecided(intent())
    terminal.book.hand_in_rest()
    assert terminal.book.counts()["clerk"] == 1
    terminal.outbox.fails = None
    terminal.book.hand_in_rest()
    terminal.again()
    terminal.book.hand_in_rest()
    (told,) = terminal.outbox.taken
    assert (told.event_id, told.is_undecided, told.is_late) == ("event-0001", True, True)
    assert told.record == intent().record
    assert terminal.book.counts()["reported"] == 1
    assert len(terminal.book.for_a_clerk()) == 1


def test_tap_that_is_a_clerks_never_holds_up_what_happened(terminal: Terminal) -> None:
    terminal.book.intend(intent())
    terminal.book.undecided(intent())
    terminal.outbox.fails = LaneFullError(LaneFullError.__doc__)
    terminal.now_s += 1
    terminal.book.intend(intent(4))
    terminal.book.happened(intent(4), None)
    terminal.outbox.fails = None
    terminal.book.hand_in_rest()
    assert [(each.record.counter, each.is_undecided) for each in terminal.outbox.taken] == [
        (4, False),
        (3, True),
    ]


def test_tap_that_no_event_can_say_stays_on_the_terminals_list(terminal: Terminal) -> None:
    terminal.outbox.fails = InputError("a record that no event may carry")
    terminal.book.intend(intent())
    terminal.book.undecided(intent())
    terminal.book.hand_in_rest()
    assert terminal.book.counts()["reported"] == 1
    assert len(terminal.book.for_a_clerk()) == 1


def test_nothing_of_a_card_is_left_two_hours_after_its_ride(terminal: Terminal) -> None:
    terminal.book.intend(intent())
    terminal.book.happened(intent(), None)
    terminal.now_s += OVER_S + 1
    terminal.book.expire()
    assert sum(terminal.book.counts().values()) == 0


@pytest.mark.parametrize(
    "spoil", [lambda raw: b"no database" + raw[11:], lambda raw: raw[:4_000] + b"x" * 500 + raw[4_500:]]
)
def test_damaged_file_is_put_aside_and_a_new_one_begun(
    terminal: Terminal, spoil: Callable[[bytes], bytes]
) -> None:
    for number in range(40):
        terminal.book.intend(intent(card=bytes([number]) * 16))
    terminal.book.close()
    raw = spoil(terminal.path.read_bytes())
    terminal.path.write_bytes(raw)
    terminal.book = terminal.opened()
    assert terminal.book.was_damaged
    assert terminal.book.intent_of(bytes(16)) is None
    terminal.book.intend(intent())
    assert terminal.again().intent_of(CARD) == intent()
    assert terminal.path.with_name("taps.db.damaged").read_bytes() == raw


def test_file_of_another_device_is_put_aside(terminal: Terminal) -> None:
    terminal.book.intend(intent())
    terminal.book.close()
    terminal.book = terminal.opened("bus-8")
    assert terminal.book.was_damaged
    assert terminal.book.intent_of(CARD) is None


def test_second_process_is_refused(terminal: Terminal) -> None:
    with pytest.raises(VentanillaError, match="Another process"):
        terminal.opened()


# -- whole taps on it ------------------------------------------------------------------------------------


@pytest.mark.parametrize("after", [False, True], ids=["before", "after"])
@pytest.mark.parametrize("place", range(1, 9))
def test_tap_torn_anywhere_and_a_power_cut_are_one_charge_and_one_event(
    terminal: Terminal, place: int, after: bool
) -> None:
    town = Town()
    card = town.issue(balance_minor=1_000)
    torn, _ = tap_once(town, card, terminal.book, plan=Plan(tear_at=place, after=after))
    assert torn.said is No.REMOVED
    again, _ = tap_once(town, card, terminal.again(), now_s=NOW_S + 2)
    assert (again.said, again.paid_minor, purse_of(card)) == (Yes.RIDE, 130, 870)
    terminal.again()
    (charge,) = terminal.outbox.taken
    assert charge.proof is not None
    assert is_genuine(town.key(card.memory.uid, 15), card.memory.uid, charge.proof)


def test_tap_whose_light_nobody_saw_is_told_again_after_the_power_cut(terminal: Terminal) -> None:
    town = Town()
    card = town.issue(balance_minor=1_000)
    tap_once(town, card, terminal.book)
    again, _ = tap_once(town, card, terminal.again(), now_s=NOW_S + 5, passengers=2, is_keyed=True)
    assert (again.said, purse_of(card)) == (Yes.RIDE, 870)
    assert len(terminal.outbox.taken) == 1


def test_tap_that_the_outbox_does_not_take_is_a_ride_all_the_same(terminal: Terminal) -> None:
    town = Town()
    card = town.issue(balance_minor=1_000)
    terminal.outbox.fails = LaneFullError(LaneFullError.__doc__)
    verdict, _ = tap_once(town, card, terminal.book)
    assert verdict.said is Yes.RIDE
    assert terminal.outbox.taken == []
    terminal.outbox.fails = None
    terminal.again()
    assert [charge.record for charge in terminal.outbox.taken] == [verdict.record]


def test_tap_that_is_taken_back_goes_to_the_outbox_with_the_event_of_the_tap_and_behind_it(
    terminal: Terminal,
) -> None:
    town = Town()
    card = town.issue(balance_minor=1_000)
    terminal.outbox.fails = LaneFullError(LaneFullError.__doc__)
    tap_once(town, card, terminal.book)
    undoing = terminal.book.latest()
    terminal.outbox.fails = None
    tap_once(town, card, terminal.book, now_s=NOW_S + 1, undoing=undoing)
    assert terminal.outbox.taken == []
    assert terminal.again().counts()["happened"] == 0
    ride, back = terminal.outbox.taken
    assert (ride.reverses, back.reverses) == (None, ride.event_id)
    assert [charge.record.deed for charge in (ride, back)] == [Deed.RIDE, Deed.CANCELLED]
    assert purse_of(card) == 1_000


def test_tap_taken_back_while_nobody_knows_is_settled_after_a_power_cut_with_its_reference(
    terminal: Terminal,
) -> None:
    town = Town()
    card = town.issue(balance_minor=1_000)
    tap_once(town, card, terminal.book)
    tap_once(town, card, terminal.book, undoing=terminal.book.latest(), plan=Plan(tear_at=9, after=True))
    terminal.now_s += 2 * OVER_S
    terminal.book.expire()
    tap_once(town, card, terminal.again(), now_s=terminal.now_s)
    ride, back, _ = terminal.outbox.taken
    assert (back.reverses, back.is_late, back.record.amount_minor) == (ride.event_id, True, 130)


def test_tap_of_long_ago_none_and_one_taken_back_already_cannot_be_taken_back(terminal: Terminal) -> None:
    with pytest.raises(InputError, match="send the passenger"):
        terminal.book.latest()
    town = Town()
    card = town.issue(balance_minor=1_000)
    tap_once(town, card, terminal.book)
    undoing = terminal.book.latest()
    tap_once(town, card, terminal.book, undoing=undoing)
    with pytest.raises(InputError, match="send the passenger"):
        terminal.book.latest()
    tap_once(town, card, terminal.book, passengers=2, is_keyed=True)
    assert terminal.again().latest().ride.passengers == 2
    terminal.now_s += UNDO_S + 1
    with pytest.raises(InputError, match="send the passenger"):
        terminal.book.latest()
