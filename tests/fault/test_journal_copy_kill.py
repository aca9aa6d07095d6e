"""A hub's writer killed in the middle: its journal copy has every commit that anybody heard of."""

import sqlite3
import subprocess
import sys
from contextlib import closing
from pathlib import Path

import pytest

from hub.db.journal_replay import replay

KILLED_AFTER = (3, 40, 170)
"""Commits that were told before the kill; the later ones are after several cycles of the log."""


@pytest.mark.parametrize("told", KILLED_AFTER)
def test_writer_killed_in_the_middle_has_every_commit_that_it_told_in_its_copy(
    tmp_path: Path, told: int
) -> None:
    (tmp_path / "copy").mkdir()
    child = [sys.executable, "-m", "tests.support.journal_copy_child", tmp_path / "hub.db", tmp_path / "copy"]
    with subprocess.Popen(child, stdout=subprocess.PIPE, text=True, cwd=Path(__file__).parents[2]) as process:
        assert process.stdout
        heard = [
            int(line) for line, _ in zip(process.stdout, range(told), strict=False) if line.strip().isdigit()
        ]
        process.kill()
        heard += [int(line) for line in process.stdout if line.strip().isdigit()]
    replay(tmp_path / "copy", tmp_path / "found.db")
    with closing(sqlite3.connect(tmp_path / "found.db")) as database:
        assert database.execute("PRAGMA integrity_check").fetchone() == ("ok",)
        found = database.execute("SELECT n, count(*) FROM bulk GROUP BY n ORDER BY n").fetchall()
    assert [number for number, _ in found] == list(range(1, len(found) + 1))
    assert all(count == number % 90 + 1 for number, count in found)
    assert len(found) in {heard[-1], heard[-1] + 1}  # one may be committed and not told yet
