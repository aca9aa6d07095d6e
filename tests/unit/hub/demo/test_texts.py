"""Every text of the demonstration: in both languages, with the same values, short enough for 80 columns."""

import string

import pytest

from hub.demo.texts import TEXTS, Language, Speech
from shared.protocol.delivery import LossReason

FAULTS = sorted(name.removesuffix("_watch") for name in TEXTS if name.endswith("_watch"))
COLUMNS = 76
VALUES = {
    "device": "terminal-1",
    "seconds": 12,
    "found": 0,
    "torn": 99_999,
    "untold": 48,
    "again": 999,
    "lost": 48,
    "released": 48,
    "times": 1,
}


def values_of(text: str) -> set[str]:
    return {name for _, name, _, _ in string.Formatter().parse(text) if name}


@pytest.mark.parametrize("name", sorted(TEXTS))
def test_text_says_the_same_in_both_languages(name: str) -> None:
    spanish, english = TEXTS[name]
    assert spanish
    assert english
    assert values_of(spanish) == values_of(english)


@pytest.mark.parametrize("language", Language)
@pytest.mark.parametrize("fault", FAULTS)
def test_fault_is_told_in_lines_that_fit(fault: str, language: Language) -> None:
    speech = Speech(language)
    for part in ("title", "text", "watch"):
        lead = speech("watch") if part == "watch" else ""
        assert len(lead + speech(f"{fault}_{part}", **VALUES)) <= COLUMNS
    if fault not in {"calm", "drain"}:
        end = f"{speech(f'{fault}_title', **VALUES)}, 99 s: {speech(f'{fault}_end', **VALUES)}"
        assert len(end) <= COLUMNS - 3


@pytest.mark.parametrize("language", Language)
def test_every_reason_of_a_loss_has_words(language: Language) -> None:
    assert all(Speech(language)(f"reason_{reason}") for reason in LossReason)


@pytest.mark.parametrize(
    ("language", "said"), [(Language.ES, "1.234.567,08 €"), (Language.EN, "€1,234,567.08")]
)
def test_money_is_written_as_people_write_it(language: Language, said: str) -> None:
    assert Speech(language).money(123_456_708) == said
