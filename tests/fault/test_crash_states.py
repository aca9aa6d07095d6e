"""Power cuts with bytes on their way to the disk: unsynced writes are dropped, out of order, or torn.

A fair share of `make proof`, where the outbox alone is opened in 10,000 states.
"""

import sqlite3
import sys
from contextlib import closing

import pytest

from tests.proof import hub_crashes, outbox_crashes
from tests.proof.bits import flipped
from tests.proof.crashes import outbox_power_cuts
from tests.support.crash_disk import crash_states
from tests.support.disk_trace import Synced, Told, record
from tests.support.outbox import fast_folder

SEED = 20261122


@pytest.mark.sentence("L-7")
@pytest.mark.requires("strace")
@pytest.mark.guarantee("power cut at any byte of an append")
def test_outbox_after_a_power_cut_has_all_that_was_told_and_gives_no_number_twice() -> None:
    tried = list(outbox_power_cuts(400, SEED))
    assert sum(each.states for each in tried) == 400
    assert sum(each.different for each in tried) > 200


@pytest.mark.sentence("L-8")
@pytest.mark.requires("strace")
@pytest.mark.guarantee("lane full, disk full, EIO on fsync")
@pytest.mark.parametrize("nth", [2, 5, 9, 30])
def test_outbox_whose_sync_failed_survives_the_power_cut_that_follows(nth: int) -> None:
    done, _ = outbox_crashes.life_without_sync(nth, 24, 24)
    assert outbox_crashes.check(done, 60, SEED) > 20


@pytest.mark.requires("strace")
@pytest.mark.guarantee("the hub killed before COMMIT, or after it and before the acknowledgement")
def test_hub_after_a_power_cut_has_all_that_it_acknowledged_and_its_books_balance() -> None:
    assert hub_crashes.check(hub_crashes.lives(20, 20), 80, SEED) > 60


@pytest.mark.requires("strace")
@pytest.mark.guarantee("lane full, disk full, EIO on fsync")
@pytest.mark.parametrize(("nth", "impatient"), [(1, False), (3, False), (4, False), (6, True), (11, False)])
def test_hub_whose_sync_failed_survives_the_power_cut_that_follows(nth: int, impatient: bool) -> None:
    """The third and fourth are those of the switch to the log: without it COMMIT would promise too much."""
    recorded = hub_crashes.life_without_sync(nth, 12, 12, impatient=impatient)
    assert recorded.failed
    assert hub_crashes.check(recorded, 30, SEED) > 15


@pytest.mark.requires("strace")
@pytest.mark.guarantee("lane full, disk full, EIO on fsync")
def test_hub_that_cannot_make_durable_what_it_found_does_not_open() -> None:
    """Its log is written again and synced before anyone relies on what it holds."""
    done = hub_crashes.opening_without_sync().changes
    assert [change for change in done if isinstance(change, Synced) and not change.good] == [
        Synced("hub.db-wal", good=False)
    ]
    assert [change.words for change in done if isinstance(change, Told)] == [["unopened"]]


@pytest.mark.sentence("L-9")
@pytest.mark.requires("strace")
@pytest.mark.guarantee("a flipped bit, vanished rows, a corrupt line")
def test_bit_that_flips_in_the_log_or_the_file_gives_no_other_line_and_no_old_number() -> None:
    unharmed, harmed = flipped(100, SEED)
    assert unharmed + harmed == 100
    assert harmed > 10


@pytest.mark.requires("strace")
def test_store_that_answers_before_it_syncs_is_found_out() -> None:
    """The proof itself can fail."""
    with fast_folder() as folder:
        done = record([sys.executable, "-m", "tests.support.careless_store", str(folder), "20"], folder)
    lost = 0
    for state in crash_states(done, 60, SEED):
        with fast_folder() as folder:
            state.put_into(folder)
            with closing(sqlite3.connect(folder / "careless.db")) as connection:
                tables = connection.execute("SELECT count(*) FROM sqlite_master").fetchone()[0]
                there = {n for (n,) in connection.execute("SELECT n FROM taken")} if tables else set[int]()
            lost += not {n for _, n in state.told} <= there
    assert lost > 10
