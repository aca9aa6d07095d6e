"""Cards of the first form get the second at a desk: with a deed, whole or not at all, wherever it is torn."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from card_reader.citizen_card import layout
from card_reader.citizen_card.errors import CardVersionError
from card_reader.citizen_card.holder import Holder
from card_reader.core.tap import Yes
from card_reader.virtual_card.card import VirtualCard
from card_reader.virtual_card.faults import Plan
from card_reader.virtual_card.memory import Backup
from hub.domain.cards.verdict import Said
from shared.model.errors import InputError
from tests.property.test_desk_and_bus import RingTown
from tests.support.cards import MemoryBook, journal_of, purse_of, tap_once
from tests.support.desk import ISSUE, PASS, Office
from tests.support.hub_database import NOW_MS
from tests.unit.hub.cards.test_desk_deeds import settled
from tests.unit.hub.cards.test_sales import TODAY

COMMANDS = 10
"""Of a top-up that writes the holder file too: the commit is the last."""
TOP_UP: dict[str, Any] = {"do": "top_up", "amount_minor": 700}
SELL: dict[str, Any] = {"do": "sell", "product": PASS, "paid_by": "purse", "first_day": 0}
BLOCK: dict[str, Any] = {"do": "block", "why": "lost"}


@pytest.fixture
def office(tmp_path: Path) -> Iterator[Office]:
    office = Office(tmp_path)
    yield office
    office.close()


def move_on(office: Office, form: int = 2) -> None:
    """The hub is started again with another form in its settings."""
    office.close()
    office.form = form
    office.start()


def file_of(card: VirtualCard) -> bytes:
    file = card.memory.applications[layout.NAME].files[layout.HOLDER]
    assert isinstance(file, Backup)
    return file.data


def ride_of(office: Office, card: VirtualCard) -> tuple[Any, int]:
    ridden = tap_once(RingTown(office), card, MemoryBook(), now_s=NOW_MS // 1000, day=TODAY).verdict
    return ridden.said, ridden.paid_minor


@pytest.mark.parametrize(
    ("asked", "left", "commands"), [(TOP_UP, 4_700, 10), (SELL, 1_000, 10), (BLOCK, 4_000, 9)]
)
def test_card_gets_its_next_form_with_one_deed_wherever_that_is_torn(
    office: Office, asked: dict[str, Any], left: int, commands: int
) -> None:
    cards = [(office.issued(4_000), at, after) for at in range(1, commands + 1) for after in (False, True)]
    move_on(office)
    for card, at, after in cards:
        before, order = Holder.from_bytes(file_of(card)), office.order(**asked)
        torn = office.hold(card, order, Plan(tear_at=at, after=after))
        assert torn.said is not Said.DONE
        between = Holder.from_bytes(file_of(card))
        counts = (between.form, len(journal_of(card)), purse_of(card))
        assert counts in ((1, 2, 4_000), (2, 3, left)), "the file without the deed, or half of either"
        assert (between.form == 2) == (at == commands and after)
        assert office.hold(card, order).said is Said.DONE
        now = Holder.from_bytes(file_of(card))
        assert (now.form, now.reader_min, now.category_from) == (2, 2, 0)
        assert (now.card_id, now.category, now.valid_until) == (
            before.card_id,
            before.category,
            before.valid_until,
        )
        assert len(now.passes) == (asked is SELL)
        assert (purse_of(card), len(journal_of(card))) == (left, 3)
        with pytest.raises(CardVersionError):
            Holder.from_bytes(file_of(card), knows=1)


def test_card_that_was_moved_on_is_one_sum_in_books_and_on_it_and_rides(office: Office) -> None:
    card = office.issued(1_000)
    assert ride_of(office, card)[0] is Yes.RIDE
    other = office.issued(1_000)
    move_on(office)
    for at in (COMMANDS, COMMANDS - 1):
        office.ask(other, Plan(tear_at=at, after=True), **TOP_UP)
        office.ask(other, do="read")
    assert office.ask(other, **TOP_UP).said is Said.DONE
    assert office.commands == COMMANDS - 1, "the file is written once"
    assert ride_of(office, other)[0] is Yes.RIDE


def test_deeds_of_a_torn_card_that_moves_on_are_one_sum(office: Office) -> None:
    card = office.issued(1_000)
    move_on(office)
    order = office.order(**TOP_UP)
    assert office.hold(card, order, Plan(tear_at=COMMANDS, after=True)).said is Said.UNKNOWN
    assert office.hold(card, order).said is Said.DONE
    settled(office, card)
    assert purse_of(card) == 1_700


def test_reading_leaves_the_form_and_a_form_is_never_taken_back(office: Office) -> None:
    card = office.issued(1_000)
    move_on(office)
    first = file_of(card)
    assert office.ask(card, do="read", history=True).said is Said.DONE
    assert file_of(card) == first
    assert office.ask(card, **TOP_UP).said is Said.DONE
    move_on(office, form=1)
    second = file_of(card)
    assert office.ask(card, **TOP_UP).said is Said.DONE
    assert file_of(card) == second != first
    settled(office, card)


def test_category_that_begins_later_is_issued_in_form_2_alone_and_rides_as_everybodys_until_then(
    office: Office,
) -> None:
    with pytest.raises(InputError, match="card_form"):
        office.hold(office.blank(), office.order(**ISSUE, category_from=TODAY + 1))
    move_on(office)
    fares: list[int] = []
    for begins in (TODAY + 1, TODAY):
        card = office.blank()
        order = office.order(**ISSUE, category_from=begins)
        assert office.hold(card, order).said is Said.DONE
        assert Holder.from_bytes(file_of(card)).category_from == begins
        assert office.ask(card, **TOP_UP).said is Said.DONE
        said, paid_minor = ride_of(office, card)
        assert said is Yes.RIDE
        fares.append(paid_minor)
    assert fares == [130, 65]
