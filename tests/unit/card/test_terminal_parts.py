"""The terminal's parts without a reader: what is keyed, what an event carries, what is refused."""

from dataclasses import replace
from io import StringIO
from pathlib import Path

import pytest

from card_reader.citizen_card import layout
from card_reader.citizen_card.journal import Deed, Record
from card_reader.citizen_card.sealing import signed_input
from card_reader.core.decision import No
from card_reader.core.tap import Yes
from card_reader.core.trip import Undoing
from card_reader.desfire.transaction_mac import Committed
from card_reader.keys.sealed import SoftwareKeys
from card_reader.owner.book import LISTED_MAX
from card_reader.owner.cab import KEYED_S, REASONS_MAX, Cab, Place
from card_reader.owner.charge import Charge
from card_reader.owner.driver import DriverSocket, NoTerminalError, ask_driver
from card_reader.owner.face import Lines
from card_reader.owner.till import tap_event
from card_reader.owner.validator import AGAIN_S, TownRules, Validator
from card_reader.transport.pcsc.reader import Mishap
from card_reader.virtual_card.card import VirtualCard, blank
from card_reader.virtual_card.faults import Field, Plan
from card_reader.virtual_card.strangers import KINDS, Stranger
from shared.edge.contents import Contents
from shared.edge.pseudonyms import Pseudonyms
from shared.model.errors import CapacityError, InputError
from shared.model.event import EventType
from shared.model.payment import TapCancelled, TapCharged
from shared.model.tariff import Tariff
from shared.model.wording import Language
from tests.support.cards import NOW_S, Held, MemoryBook, Town, no_wait, purse_of, tariff

PLACE = Place(line=4, stop=12, zone=1)
EVENT = "01930d3e-8a00-7000-8000-000000000001"


class Bus:
    """A validator without a reader."""

    def __init__(self) -> None:
        self.town, self.book, self.out = Town(), MemoryBook(), StringIO()
        self.now_s = NOW_S
        self.cab = Cab("bus-7", PLACE, lambda: self.now_s)
        self.rules: Tariff | None = tariff()
        self.closed: str | None = None
        self.validator = self.validator_with(self.book, {(1, 1): self.town.masters[1]})

    def validator_with(self, book: MemoryBook, keys: dict[tuple[int, int], bytes]) -> Validator:
        return Validator(
            keys=SoftwareKeys(keys),
            book=book,
            town=TownRules(
                contents=Contents(lambda: self.now_s * 1000),
                pseudonyms=Pseudonyms(bytes(32)),
                tariff=lambda: self.rules,
                closed=lambda: self.closed,
                limit_minor=lambda: 1_000,
            ),
            cab=self.cab,
            face=Lines(self.out, Language.ES),
            clock_s=lambda: self.now_s,
        )

    def hold(self, card: VirtualCard, number: bytes | None = None) -> str:
        """Hold a card there; returns the line that is shown."""
        field = Field(card, no_wait)
        field.present(Plan())
        self.out.truncate(0)
        self.out.seek(0)
        self.validator.take(card.memory.uid if number is None else number, Held(field))
        return self.out.getvalue()


@pytest.fixture
def bus() -> Bus:
    return Bus()


def test_card_pays_for_as_many_as_were_keyed_and_the_next_one_for_itself(bus: Bus) -> None:
    first, second = bus.town.issue(balance_minor=1_000), bus.town.issue(balance_minor=1_000)
    bus.cab.key(3)
    assert "3,90 € Saldo 6,10 €" in bus.hold(first)
    assert "1,30 € Saldo 8,70 €" in bus.hold(second)
    assert bus.validator.verdicts == {Yes.RIDE: 2}


def test_what_is_keyed_ends_after_a_minute_and_when_it_is_taken_back(bus: Bus) -> None:
    bus.cab.key(3)
    bus.now_s += KEYED_S
    assert (bus.cab.trip().passengers, bus.cab.trip().is_keyed) == (3, True)
    bus.now_s += 1
    assert (bus.cab.trip().passengers, bus.cab.trip().is_keyed) == (1, False)
    bus.cab.key(2)
    bus.cab.clear()
    assert bus.cab.members()["passengers"] is None


def test_tap_that_is_taken_back_waits_for_its_own_card_alone_and_for_a_minute(bus: Bus) -> None:
    first, second = bus.town.issue(balance_minor=1_000), bus.town.issue(balance_minor=1_000)
    bus.hold(first)
    intent, _ = bus.book.booked[-1]
    undoing = Undoing(card=intent.card, ride=intent.record)
    bus.cab.undo(undoing)
    assert bus.cab.members()["gives_back_minor"] == 130
    assert "1,30 € Saldo 8,70 €" in bus.hold(second)
    assert "Devuelto: 1,30 €" in bus.hold(first)
    assert "gives_back_minor" not in bus.cab.members()
    assert (purse_of(first), purse_of(second)) == (1_000, 870)
    bus.cab.undo(undoing)
    bus.now_s += KEYED_S + 1
    assert bus.cab.trip().undoing is None


def test_what_is_keyed_later_is_what_counts(bus: Bus) -> None:
    bus.hold(bus.town.issue(balance_minor=1_000))
    intent, _ = bus.book.booked[-1]
    undoing = Undoing(card=intent.card, ride=intent.record)
    bus.cab.undo(undoing)
    bus.cab.key(2)
    assert (bus.cab.trip().undoing, bus.cab.trip().passengers) == (None, 2)
    bus.cab.undo(undoing)
    assert (bus.cab.trip().undoing, bus.cab.trip().is_keyed) == (undoing, False)


def test_card_that_does_not_ride_leaves_what_was_keyed(bus: Bus) -> None:
    bus.cab.key(3)
    bus.hold(bus.town.issue(valid_until=1))
    assert bus.cab.trip().passengers == 3


@pytest.mark.parametrize(
    ("number", "said"),
    [
        (b"\x08abc", No.PHONE),
        (b"\x04abc", No.FOREIGN_CARD),
        (b"", No.FOREIGN_CARD),
        (bytes(10), No.FOREIGN_CARD),
    ],
)
def test_card_whose_number_is_none_of_ours_is_told_apart(bus: Bus, number: bytes, said: No) -> None:
    bus.hold(VirtualCard(blank(bytes(7)), bus.town.random.randbytes), number)
    assert bus.validator.verdicts == {said: 1}


def test_nothing_is_taken_without_fares_or_while_payments_are_closed(bus: Bus) -> None:
    card = bus.town.issue(balance_minor=1_000)
    bus.rules, rules = None, bus.rules
    assert "Fuera de servicio" in bus.hold(card)
    bus.rules, bus.closed = rules, "closed"
    assert "Fuera de servicio" in bus.hold(card)
    assert purse_of(card) == 1_000


def test_nothing_is_taken_where_the_book_or_the_key_fails(bus: Bus) -> None:
    class Full(MemoryBook):
        def intend(self, intent: object) -> None:
            raise CapacityError("the disk is full; make room")

    card = bus.town.issue(balance_minor=1_000)
    key = bus.town.masters[1]
    for validator in (
        bus.validator_with(Full(), {(1, 1): key}),
        bus.validator_with(MemoryBook(), {(2, 1): key}),
    ):
        bus.validator = validator
        assert "Fuera de servicio" in bus.hold(card)
    assert purse_of(card) == 1_000


def test_card_that_left_before_it_could_be_read_has_its_sign(bus: Bus) -> None:
    bus.validator.missed(Mishap.LEFT)
    assert bus.validator.verdicts == {No.REMOVED: 1}


def test_what_is_mute_may_be_two_cards_and_twice_is_one_that_cannot_be_read(bus: Bus) -> None:
    bus.validator.missed(Mishap.MUTE)
    bus.now_s += AGAIN_S
    bus.validator.missed(Mishap.MUTE)
    assert bus.validator.verdicts == {No.TWO_CARDS: 2}
    bus.now_s += AGAIN_S - 1
    bus.validator.missed(Mishap.MUTE)
    assert bus.validator.verdicts == {No.TWO_CARDS: 2, No.UNREADABLE: 1}


def test_card_that_only_stores_is_given_no_command(bus: Bus) -> None:
    card = Stranger(KINDS["storage"], bus.town.random.randbytes)
    bus.validator.take(bytes(7), Held(Field(card, no_wait)), card.atr)
    assert (bus.validator.verdicts, card.asked) == ({No.FOREIGN_CARD: 1}, 0)


def test_keys_of_two_versions_serve_cards_of_both_and_a_third_is_not_tried(bus: Bus) -> None:
    others = [Town(seed) for seed in (11, 12, 13)]
    keys = {(1, version): town.masters[1] for version, town in enumerate(others, 1)}
    bus.validator = bus.validator_with(bus.book, keys)
    shown = [bus.hold(town.issue(balance_minor=1_000)) for town in others]
    assert ["Saldo 8,70" in line for line in shown] == [False, True, True]
    assert bus.validator.verdicts == {No.NOT_GENUINE: 1, Yes.RIDE: 2}


def test_what_was_keyed_and_for_which_no_card_came_is_said_once(bus: Bus) -> None:
    assert not bus.cab.lapsed()
    bus.cab.key(3)
    assert not bus.cab.lapsed()
    bus.now_s += KEYED_S + 1
    assert [bus.cab.lapsed(), bus.cab.lapsed()] == [True, False]
    bus.cab.key(3)
    bus.hold(bus.town.issue(balance_minor=1_000))
    bus.now_s += KEYED_S + 1
    assert not bus.cab.lapsed()
    bus.validator.nothing_came()
    assert bus.validator.verdicts[No.EMPTY_FIELD] == 1


def test_free_rides_are_counted_by_their_reason(bus: Bus) -> None:
    bus.cab.ride_free("escolar")
    assert bus.cab.ride_free("escolar") == {"free_ride": 2, "free_ride.escolar": 2}
    for wrong in ("", "two words", "x" * 33):
        with pytest.raises(InputError):
            bus.cab.ride_free(wrong)
    for number in range(REASONS_MAX - 1):
        bus.cab.ride_free(f"r{number}")
    with pytest.raises(InputError):
        bus.cab.ride_free("one_more")


@pytest.mark.parametrize("place", [(-1, 1, 1), (65_536, 1, 1), (1, 65_536, 1), (1, 1, 0), (1, 1, 17)])
def test_place_that_no_card_could_hold_is_refused(place: tuple[int, int, int]) -> None:
    with pytest.raises(InputError):
        Place(line=place[0], stop=place[1], zone=place[2])


def test_event_of_a_charge_carries_the_cards_own_record_and_seal() -> None:
    record = Record(
        deed=Deed.RIDE,
        counter=3,
        at_s=NOW_S,
        terminal=7,
        mark=b"mark",
        line=4,
        stop=12,
        zone=1,
        passengers=2,
        product=1,
        amount_minor=-260,
    )
    proof = Committed(counter=3, mac=bytes(range(8)), input=signed_input(record))
    charge = Charge(event_id=EVENT, card=bytes(16), record=record, proof=proof, is_late=False)
    event = tap_event(charge, is_list_old=False)
    said = TapCharged.from_data(event.data)
    assert (event.event_id, event.subject, event.at_ms) == (EVENT, "00" * 16, None)
    assert (said.counter, said.amount.amount_minor, said.product, said.line, said.stop, said.zone) == (
        3,
        260,
        "1",
        "4",
        "12",
        "1",
    )
    assert said.record is not None
    assert Record.from_bytes(bytes.fromhex(said.record)) == record
    assert (said.passengers, said.seal, said.extra) == (2, "0001020304050607", {})
    late = Charge(event_id=EVENT, card=bytes(16), record=record, proof=None, is_late=True)
    event = tap_event(late, is_list_old=True)
    assert (event.at_ms, event.data["deny_list"]) == (NOW_S * 1000, "expired")
    assert "seal" not in event.data


def test_event_of_a_tap_that_was_taken_back_names_the_tap_and_gives_back() -> None:
    record = Record(
        deed=Deed.CANCELLED, counter=4, at_s=NOW_S, terminal=7, mark=b"mark", passengers=2, amount_minor=260
    )
    proof = Committed(counter=4, mac=bytes(8), input=signed_input(record))
    charge = Charge(
        event_id=EVENT, card=bytes(16), record=record, proof=proof, is_late=False, reverses=EVENT[:-1] + "2"
    )
    event = tap_event(charge, is_list_old=False)
    said = TapCancelled.from_data(event.data)
    assert event.type is EventType.TAP_CANCELLED
    assert (said.counter, said.amount.amount_minor, said.passengers, said.extra) == (4, 260, 2, {})
    assert (said.reverses, said.seal, said.record) == (charge.reverses, "00" * 8, record.to_bytes().hex())


def test_event_of_a_tap_that_nobody_knows_of_has_the_taps_own_instant_and_data() -> None:
    record = Record(deed=Deed.RIDE, counter=5, at_s=NOW_S, terminal=7, mark=b"mark", passengers=1, product=1)
    tap = Charge(event_id=EVENT, card=bytes(16), record=record, proof=None, is_late=True)
    event = tap_event(replace(tap, is_undecided=True), is_list_old=False)
    assert (event.type, event.event_id, event.at_ms) == (EventType.TAP_UNDECIDED, EVENT, NOW_S * 1000)
    assert event.data == tap_event(tap, is_list_old=False).data


def test_what_the_driver_asks_is_answered_and_a_wrong_question_by_a_sentence(tmp_path: Path) -> None:
    with pytest.raises(NoTerminalError):
        ask_driver(tmp_path, {"do": "status"})

    def act(asked: object) -> dict[str, object]:
        if asked != {"do": "status"}:
            raise InputError("not that; ask something else")
        return {"line": layout.TAP_KEY}

    door = DriverSocket(tmp_path, act)
    try:
        assert ask_driver(tmp_path, {"do": "status"}) == {"line": 1}
        with pytest.raises(InputError, match="ask something else"):
            ask_driver(tmp_path, {"do": "coffee"})
    finally:
        door.close()


def test_list_of_every_tap_that_is_a_clerks_is_answered_whole(tmp_path: Path) -> None:
    taps = [{"subject": "f" * 64, "counter": number, "mark": "01020304"} for number in range(LISTED_MAX)]
    door = DriverSocket(tmp_path, lambda _: {"for_a_clerk": taps})
    try:
        assert ask_driver(tmp_path, {"do": "taps"}) == {"for_a_clerk": taps}
    finally:
        door.close()
