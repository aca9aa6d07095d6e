"""A genuine card with anything on it, or that answers anything: no crash, no wrong charge."""

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from card_reader.apdu.conversing import converse
from card_reader.citizen_card import layout
from card_reader.citizen_card.holder import Holder
from card_reader.citizen_card.journal import Record
from card_reader.core.decision import No
from card_reader.core.tap import Yes, tap
from card_reader.virtual_card.card import VirtualCard
from card_reader.virtual_card.faults import Field
from card_reader.virtual_card.memory import Backup, Cyclic
from tests.support.cards import NOW_S, Held, MemoryBook, Town, desk_of, no_wait, purse_of, tap_once, trip
from tests.unit.card.test_card_files import holders, records

TOWN = Town()
ISSUED = TOWN.issue(balance_minor=1_000)


def holding(file: bytes, record: bytes) -> VirtualCard:
    """A genuine card with 10,00 € in its purse, and this in its files."""
    card = VirtualCard(ISSUED.memory.clone(), TOWN.random.randbytes)
    files = card.memory.applications[layout.NAME].files
    holder, journal = files[layout.HOLDER], files[layout.JOURNAL]
    assert isinstance(holder, Backup)
    assert isinstance(journal, Cyclic)
    holder.data, journal.records = file, [record]
    return card


@settings(max_examples=60)
@given(holders, records, st.integers(1, 4))
def test_card_with_any_state_rides_for_no_more_than_the_price_or_not_at_all(
    holder: Holder, record: Record, passengers: int
) -> None:
    card, book = holding(holder.to_bytes(), record.to_bytes()), MemoryBook()
    verdict, _ = tap_once(TOWN, card, book, passengers=passengers, is_keyed=True)
    taken = 1_000 - purse_of(card)
    assert 0 <= taken <= 130 * passengers
    assert taken == verdict.paid_minor
    assert len(book.booked) == (verdict.said in (Yes.RIDE, Yes.TRANSFER))


@settings(max_examples=40)
@given(st.binary(min_size=48, max_size=48), st.binary(min_size=48, max_size=48))
def test_card_with_any_bytes_in_its_files_is_an_outcome(file: bytes, record: bytes) -> None:
    card = holding(file, record)
    verdict, _ = tap_once(TOWN, card, MemoryBook())
    assert isinstance(verdict.said, Yes | No)
    assert 1_000 - purse_of(card) == verdict.paid_minor


class Spoilt(Held):
    """A card of which one answer is another: cut, longer, flipped, or anything."""

    def __init__(self, field: Field, place: int, spoil: bytes, kind: int) -> None:
        super().__init__(field)
        self.place, self.spoil, self.kind = place, spoil, kind

    def transmit(self, command: bytes) -> bytes:
        answer = super().transmit(command)
        if self.field.count != self.place:
            return answer
        return [self.spoil, self.spoil + b"\x91\x00", answer[: len(self.spoil)], answer[:-2] + self.spoil][
            self.kind
        ]


@settings(max_examples=150, suppress_health_check=[HealthCheck.too_slow])
@given(st.integers(1, 8), st.binary(max_size=40), st.integers(0, 3))
def test_card_that_answers_anything_once_is_charged_once_at_the_next_presentation(
    place: int, spoil: bytes, kind: int
) -> None:
    card, book = VirtualCard(ISSUED.memory.clone(), TOWN.random.randbytes), MemoryBook()
    field = Field(card, no_wait)
    spoilt = converse(Spoilt(field, place, spoil, kind), tap(card.memory.uid, trip(), desk_of(TOWN, book)))
    assert isinstance(spoilt.said, Yes | No)
    tap_once(TOWN, card, book)
    assert purse_of(card) == 870
    assert len(book.booked) == 1
    assert not book.open


@settings(max_examples=100, suppress_health_check=[HealthCheck.too_slow])
@given(st.integers(1, 9), st.binary(max_size=40), st.integers(0, 3))
def test_card_that_answers_anything_once_while_a_tap_is_taken_back_gives_back_once(
    place: int, spoil: bytes, kind: int
) -> None:
    card, book = VirtualCard(ISSUED.memory.clone(), TOWN.random.randbytes), MemoryBook()
    tap_once(TOWN, card, book)
    undoing, field = book.latest(), Field(card, no_wait)
    place_of = trip(undoing=undoing, now_s=NOW_S + 9)
    spoilt = converse(Spoilt(field, place, spoil, kind), tap(card.memory.uid, place_of, desk_of(TOWN, book)))
    assert isinstance(spoilt.said, Yes | No)
    tap_once(TOWN, card, book, undoing=undoing, now_s=NOW_S + 12)
    assert purse_of(card) == 1_000
    assert len(book.booked) == 2
    assert not book.open
