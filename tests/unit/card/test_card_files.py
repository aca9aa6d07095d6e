"""The bytes of the citizen card: every vector, any values there and back, and what is refused."""

import json
from dataclasses import asdict, replace
from datetime import date
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from card_reader.citizen_card.errors import CardDataError, CardVersionError
from card_reader.citizen_card.holder import EVERY_ZONE, VERSION, Holder, Pass, date_of, day_of
from card_reader.citizen_card.journal import Deed, Record
from card_reader.citizen_card.layout import HOLDER_BYTES, RECORD_BYTES, card_key
from card_reader.citizen_card.sealing import signed_input
from shared.edge.happenings import KINDS
from shared.model.errors import InputError
from shared.model.event import EventType
from tests.vectors.card_files import FOLDER, card_files
from tests.vectors.make import written

U8, U16, U32 = st.integers(0, 255), st.integers(0, 65_535), st.integers(0, 2**32 - 1)
I32 = st.integers(-(2**31), 2**31 - 1)


@st.composite
def passes(draw: st.DrawFn) -> Pass:
    first = draw(U16)
    last = draw(st.integers(first, 65_535))
    return Pass(product=draw(st.integers(1, 65_535)), zones=draw(U16), first_day=first, last_day=last)


holders = st.builds(
    Holder,
    card_id=st.binary(min_size=8, max_size=8),
    issue=U8,
    category=U8,
    category_until=U16,
    valid_until=U16,
    is_nobodys=st.booleans(),
    passes=st.lists(passes(), max_size=3).map(tuple),
    form=st.integers(1, 255),
    category_from=U16,
    spare=st.binary(min_size=5, max_size=5),
    flags=st.integers(0, 127).map(lambda bits: bits << 1),
)
records = st.builds(
    Record,
    deed=st.sampled_from(Deed),
    counter=U32,
    at_s=U32,
    terminal=U32,
    mark=st.binary(min_size=4, max_size=4),
    line=U16,
    stop=U16,
    zone=U8,
    passengers=U8,
    product=U16,
    amount_minor=I32,
    balance_minor=I32,
    transfer_until_s=U32,
    transfers_left=U8,
    party=U8,
    cap_day=U16,
    cap_spent_minor=U16,
    rides=U8,
    rides_product=U16,
    form=st.integers(1, 255),
    spare=U8,
)


@given(holders)
def test_holder_there_and_back_is_the_same(holder: Holder) -> None:
    file = holder.to_bytes()
    assert len(file) == HOLDER_BYTES
    assert Holder.from_bytes(file) == holder
    assert Holder.from_bytes(file).to_bytes() == file


@given(records)
def test_record_there_and_back_is_the_same(record: Record) -> None:
    assert len(record.to_bytes()) == RECORD_BYTES
    assert Record.from_bytes(record.to_bytes()) == record


@given(st.binary(max_size=60))
def test_any_bytes_are_a_holder_or_refused(file: bytes) -> None:
    try:
        assert Holder.from_bytes(file)
    except (CardDataError, CardVersionError):
        return


@given(st.binary(min_size=RECORD_BYTES, max_size=RECORD_BYTES))
def test_any_bytes_are_a_record_that_is_written_back_or_refused(record: bytes) -> None:
    try:
        assert Record.from_bytes(record).to_bytes() == record
    except CardDataError:
        return


@pytest.mark.parametrize(
    "change",
    [
        {"issue": 256},
        {"card_id": b"short"},
        {"valid_until": -1},
        {"passes": (Pass(product=1, zones=1, first_day=1, last_day=1),) * 4},
        {"passes": (Pass(product=65_536, zones=1, first_day=1, last_day=1),)},
    ],
)
def test_holder_that_does_not_fit_is_refused(change: dict[str, object]) -> None:
    holder = Holder(card_id=bytes(8), issue=0, category=0, category_until=0, valid_until=1, is_nobodys=False)
    with pytest.raises(CardDataError):
        replace(holder, **change).to_bytes()


@pytest.mark.parametrize(
    "change", [{"counter": 2**32}, {"mark": b"123"}, {"rides": -1}, {"amount_minor": 2**31}]
)
def test_record_that_does_not_fit_is_refused(change: dict[str, object]) -> None:
    record = Record(deed=Deed.RIDE, counter=1, at_s=1, terminal=1, mark=bytes(4))
    with pytest.raises(CardDataError):
        replace(record, **change).to_bytes()


def test_pass_whose_end_comes_before_its_beginning_is_refused() -> None:
    bought = Pass(product=1, zones=1, first_day=2, last_day=1)
    holder = Holder(
        card_id=bytes(8),
        issue=0,
        category=0,
        category_until=0,
        valid_until=1,
        is_nobodys=False,
        passes=(bought,),
    )
    with pytest.raises(CardDataError):
        Holder.from_bytes(holder.to_bytes())


@given(holders)
def test_holder_of_a_later_form_is_read_as_long_as_it_says_so(holder: Holder) -> None:
    later = replace(holder, form=VERSION + 1, reader_min=VERSION)
    assert Holder.from_bytes(later.to_bytes()) == later
    with pytest.raises(CardVersionError):
        Holder.from_bytes(replace(later, reader_min=VERSION + 1).to_bytes())


@given(holders)
def test_holder_brought_to_form_2_says_the_same_and_is_refused_by_who_knows_form_1_alone(
    holder: Holder,
) -> None:
    first = replace(holder, form=1, reader_min=1)
    assert Holder.from_bytes(first.to_bytes(), knows=1) == Holder.from_bytes(first.to_bytes()) == first
    second = first.in_form(2)
    assert Holder.from_bytes(second.to_bytes()) == second == second.in_form(2) == second.in_form(1)
    assert second == replace(first, form=2, reader_min=2, category_from=0)
    days = (0, first.category_from, first.category_until, 0xFFFF)
    assert [second.category_on(day) for day in days] == [first.category_on(day) for day in days]
    with pytest.raises(CardVersionError):
        Holder.from_bytes(second.to_bytes(), knows=1)


def test_category_of_form_2_begins_on_its_first_day_and_ends_after_its_last() -> None:
    common = {"card_id": bytes(8), "issue": 0, "valid_until": 9_000, "is_nobodys": False}
    holder = Holder(category=3, category_from=10, category_until=12, form=2, reader_min=2, **common)
    assert [holder.category_on(day) for day in range(8, 15)] == [0, 0, 3, 3, 3, 0, 0]


def test_pass_covers_its_zones_and_days() -> None:
    bought = Pass(product=1, zones=0b10, first_day=10, last_day=12)
    assert [zone for zone in range(-1, 20) if bought.covers(zone, 11)] == [2]
    assert [day for day in range(20) if bought.covers(2, day)] == [10, 11, 12]
    assert all(replace(bought, zones=EVERY_ZONE).covers(zone, 10) for zone in range(1, 17))


def test_days_are_counted_from_the_first_of_2020() -> None:
    assert day_of(date(2020, 1, 1)) == 0
    assert day_of(date(2026, 11, 22)) == 2_517
    assert date_of(2_517) == date(2026, 11, 22)


@pytest.mark.sentence("P-3")
@pytest.mark.parametrize("vector", card_files()["events"], ids=lambda vector: vector["name"])
def test_event_of_a_vector_is_taken_and_said_again_or_refused(vector: dict[str, Any]) -> None:
    said = KINDS[EventType(vector["type"])].said
    if vector["is"] == "refused":
        with pytest.raises(InputError):
            said.from_data(vector["data"])
    else:
        assert said.from_data(vector["data"]).to_data() == vector["data"]


def test_card_files_of_the_vectors_are_what_is_made() -> None:
    for name, made in card_files().items():
        assert (FOLDER / f"{name}.jsonl").read_text() == written(made)


@pytest.mark.parametrize("name", ["holders", "records", "seals", "keys"])
def test_vector_of_the_card_says_the_same_to_our_own_code(name: str) -> None:
    for line in Path(FOLDER / f"{name}.jsonl").read_text().splitlines():
        vector = json.loads(line)
        match name:
            case "keys":
                key = card_key(
                    bytes.fromhex(vector["master"]), bytes.fromhex(vector["uid"]), vector["number"]
                )
                assert key.hex() == vector["key"]
            case "events":
                pass  # each is a test of its own
            case "seals":
                assert (
                    signed_input(Record.from_bytes(bytes.fromhex(vector["record"]))).hex() == vector["input"]
                )
            case _ if vector["is"] == "refused":
                reader = Holder.from_bytes if name == "holders" else Record.from_bytes
                with pytest.raises((CardDataError, CardVersionError)):
                    reader(bytes.fromhex(vector["bytes"]))
            case _:
                reader = Holder.from_bytes if name == "holders" else Record.from_bytes
                says = asdict(reader(bytes.fromhex(vector["bytes"])))
                assert {key: vector["is"][key] for key in vector["is"]} == {
                    key: value.hex() if isinstance(value, bytes) else value
                    for key, value in {**says, "passes": [*says.get("passes", ())]}.items()
                    if key in vector["is"]
                }
