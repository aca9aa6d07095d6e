"""`docs/CARD.md` says what the code does: places, keys, words."""

import re

import pytest

from card_reader.citizen_card import layout
from card_reader.citizen_card.journal import Deed
from card_reader.core.decision import No
from card_reader.core.display import LINE_LENGTH_MAX, SIGNS
from tests.architecture.tree import document


def table(head: str) -> list[list[str]]:
    """The rows of the first table below a heading."""
    below = document("CARD.md").partition(f"\n{head}\n")[2]
    rows = re.search(r"(?m)(^\|.*\n)+", below)
    assert rows, head
    return [[cell.strip() for cell in row.strip("|").split("|")] for row in rows[0].splitlines()[2:]]


@pytest.mark.parametrize(
    ("head", "size"), [("### Holder", layout.HOLDER_BYTES), ("### Journal", layout.RECORD_BYTES)]
)
def test_places_of_a_file_follow_one_another_to_its_end(head: str, size: int) -> None:
    end = 0
    for at, count, _ in table(head):
        assert int(at) == end
        end += int(count)
    assert end == size


def test_every_deed_is_named_with_its_number() -> None:
    (row,) = (what for at, _, what in table("### Journal") if at == "1")
    assert re.findall(r"(\d+) ([a-z ]+)", row) == [
        (str(deed.value), deed.name.lower().replace("_", " ")) for deed in Deed
    ]


def test_every_card_that_is_not_good_has_its_row_with_its_words_and_its_sound() -> None:
    rows = {row[0].strip("`"): row[1:5] for row in table("## Cards that are not good")}
    assert set(rows) == set(No)
    for why, said in rows.items():
        sign = SIGNS[No(why)]
        assert said == [sign.sound, sign.head.es, sign.head.ca, sign.head.en]


def test_names_and_limits_are_those_of_the_code() -> None:
    page = document("CARD.md")
    assert layout.NAME.hex().upper() == "F0" + "56454E54414E494C4C41" + "01"
    assert "`F0 56454E54414E494C4C41 01`" in page
    assert f"`{layout.NUMBER[::-1].hex().upper()}`" in page
    assert f"at most {LINE_LENGTH_MAX} characters a line" in page
    assert f"48 bytes a record, {layout.RECORDS_KEPT} kept" in page
