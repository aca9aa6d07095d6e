"""The page of accessibility has a row for each clause, and names tests that exist."""

import re

import pytest

from tests.architecture.test_docs import names_of_tests
from tests.architecture.tree import document

PAGE = document("ACCESSIBILITY.md")
ROW = re.compile(
    r"^\| (?P<clause>\d+(?:\.\d+)+) \|(?P<asks>[^|]+)\|(?P<how>[^|]+)\|(?P<shown>[^|]*)\|$", re.MULTILINE
)
ROWS = {row["clause"]: row for row in ROW.finditer(PAGE)}
NAMED = re.compile(r"`(test_\w+)`")
CLOSED = {
    *(f"5.1.2.{number}" for number in (1, 2)),
    *(f"5.1.3.{number}" for number in range(1, 17)),
    *("5.1.4", "5.1.5", "5.1.6.1", "5.1.6.2", "5.1.7", "5.2", "5.3", "5.4"),
    *("5.5.1", "5.5.2", "5.6.1", "5.6.2", "5.7", "5.8", "5.9"),
}
HARDWARE = {
    *("8.1.2", "8.1.3", "8.2.1.1", "8.2.1.2", "8.2.2", "8.4.1", "8.4.2", "8.4.3", "8.5"),
    *(f"8.3.{number}" for number in range(1, 7)),
}


def test_every_clause_has_its_row() -> None:
    assert ROWS.keys() >= CLOSED | HARDWARE
    assert len(ROWS) == len(ROW.findall(PAGE)), "a clause has two rows"
    assert len(ROWS) == len(re.findall(r"^\| \d", PAGE, re.MULTILINE)), "a row of another form"


@pytest.mark.parametrize("clause", ROWS)
def test_clause_is_shown_by_a_test_that_exists_by_hardware_or_says_why_not(clause: str) -> None:
    row = ROWS[clause]
    named = NAMED.findall(row["shown"])
    assert not sorted(set(named) - names_of_tests())
    assert (
        named or "hardware" in row["shown"] or "not yet: " in row["shown"] or "Does not apply: " in row["how"]
    )
