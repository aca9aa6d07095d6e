"""The simulator itself: a seed says everything, what it counts has a row, its words are the documents'."""

import ast
import inspect
import re
from pathlib import Path

import pytest

from shared.model.event import Stream
from tests.simulation import oracle
from tests.simulation.faults import ROWS, Fault
from tests.simulation.mutants import MUTANTS
from tests.simulation.oracle import Loss
from tests.simulation.run import run_seed
from tests.support.small_outbox import SmallOutbox

GUARANTEES = Path(__file__).parents[3] / "docs" / "GUARANTEES.md"


@pytest.fixture(scope="module")
def guarantees() -> str:
    return " ".join(GUARANTEES.read_text().split()).lower()


def test_seed_run_twice_is_the_same_run() -> None:
    first, second = run_seed((5, None)), run_seed((5, None))
    assert first == second
    assert first.broken == []
    assert first.events > 200


def test_seeds_differ() -> None:
    assert run_seed((6, None)).hits != run_seed((5, None)).hits


def test_fault_of_every_kind_counts_towards_a_row() -> None:
    counted = {name for names in ROWS.values() for name in names}
    assert not sorted(set(Fault) - counted)


def test_word_that_a_row_counts_is_counted_by_one_of_forty_runs() -> None:
    words = {str(name) for names in ROWS.values() for name in names if not isinstance(name, Fault)}
    seeds = iter(range(100, 140))
    while words:
        words -= {name for name, times in run_seed((next(seeds), None)).hits.items() if times}


def test_row_of_every_fault_is_in_the_failure_table(guarantees: str) -> None:
    table = guarantees[guarantees.index("| failure |") :]
    rows = re.findall(r"\*([a-z ]+)\*;", table)
    assert rows == list(ROWS)


def test_words_for_what_is_not_promised_are_those_of_the_page(guarantees: str) -> None:
    excuse = ast.parse(inspect.getsource(oracle._excuse))  # noqa: SLF001  its words are what is compared
    words = [
        node.value.value
        for node in ast.walk(excuse)
        if isinstance(node, ast.Return) and isinstance(node.value, ast.Constant) and node.value.value
    ]
    assert len(words) >= 6
    assert not [each for each in words if f"*{str(each).lower()}*" not in guarantees]


def test_page_says_how_many_bugs_are_planted(guarantees: str) -> None:
    numbers = ("seven", "eight", "nine", "ten", "eleven", "twelve")
    assert f"{numbers[len(MUTANTS) - 7]} planted bugs" in guarantees


def test_loss_record_covers_its_numbers_and_possibly_more() -> None:
    sure = Loss(3, 5, "evicted", possibly_more=False, found=frozenset())
    more = Loss(3, 5, "gone", possibly_more=True, found=frozenset())
    assert [seq for seq in range(1, 9) if sure.covers(seq)] == [3, 4, 5]
    assert [seq for seq in range(1, 9) if more.covers(seq)] == [3, 4, 5, 6, 7, 8]


def test_disk_that_lost_power_has_what_was_synced() -> None:
    disk = SmallOutbox()
    disk.append(2)
    unsynced = disk.write(Stream.PAYMENTS, b'{"seq":3}', 3, None, "")
    assert not unsynced.synced
    assert disk.view().last == 2
    del disk.epochs_of[Stream.PAYMENTS][0].rows[3]
    disk.restart()
    assert disk.view().last == 2
    assert disk.append().epoch != disk.view(index=0).epoch
