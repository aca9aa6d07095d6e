"""The hub's database after power cuts: recorded lives, the states of the disk, and each of them opened."""

import sys
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from sqlalchemy import select

from hub.db.engine import sqlite_url
from hub.db.ledger_audit import audit
from hub.db.opening import reading
from hub.db.tables import exception, inbox, loss_record, outgoing, quarantine
from tests.support.crash_disk import CrashState, crash_states
from tests.support.disk_trace import Change, Synced, record
from tests.support.hub_child import DEVICES, Day, Hall
from tests.support.outbox import fast_folder

SYNCS = "fsync,fdatasync"


@dataclass(frozen=True, slots=True)
class Recorded:
    """Lives of a hub on one disk and one page cache.

    Attributes:
        changes: what was done to the disk, in order.
        days: what each life was sent.
        failed: a sync did fail.
    """

    changes: Sequence[Change]
    days: Sequence[Day]
    failed: bool = False


def lives(*counts: int) -> Recorded:
    """Record lives one after the other; each but the last is killed, and each hears a device of its own."""
    days = [Day.of(device, count) for device, count in zip(DEVICES, counts, strict=False)]
    done: list[Change] = []
    with fast_folder() as folder, fast_folder() as beside:
        for day in days:
            done += _life(folder, beside, day, *["killed"] * (day is not days[-1]))
    return Recorded(done, days)


def life_without_sync(nth: int, count: int, after: int, *, impatient: bool) -> Recorded:
    """Record a life whose nth sync of each thread fails, and a sound one after it that is killed.

    Args:
        nth: which one, from 1.
        count: events of the first life.
        after: events of the second.
        impatient: the first is killed as soon as a job fails; otherwise the job is tried again.
    """
    days = [Day.of(DEVICES[0], count), Day.of(DEVICES[1], after)]
    with fast_folder() as folder, fast_folder() as beside:
        words = ["killed", *["impatient"] * impatient]
        done = _life(folder, beside, days[0], *words, inject=f"{SYNCS}:error=EIO:when={nth}")
        failed = any(isinstance(change, Synced) and not change.good for change in done)
        done += _life(folder, beside, days[1], "killed")
    return Recorded(done, days, failed)


def opening_without_sync() -> Recorded:
    """Record a life that is killed, and one after it whose first sync of any kind but SQLite's own fails."""
    days = [Day.of(DEVICES[0], 4), Day.of(DEVICES[1], 4)]
    with fast_folder() as folder, fast_folder() as beside:
        _life(folder, beside, days[0], "killed")
        return Recorded(_life(folder, beside, days[1], inject="fsync:error=EIO:when=1"), days, failed=True)


def _life(folder: Path, beside: Path, day: Day, *words: str, inject: str = "") -> list[Change]:
    day.save(beside / "day")
    command = [sys.executable, "-m", "tests.support.hub_child", str(folder), str(beside / "day")]
    return record([*command, *words], folder, inject=inject)


def check(recorded: Recorded, states: int, seed: int) -> int:
    """Open so many states of a disk; return how many of them were different.

    Args:
        recorded: the lives.
        states: how many power cuts.
        seed: which ones.

    Raises:
        AssertionError: in one of them something that was acknowledged is missing, or the books are wrong.
    """
    different: set[int] = set()
    for state in crash_states(recorded.changes, states, seed):
        different.add(hash(tuple(sorted(state.files.items()))))
        with fast_folder() as folder:
            state.put_into(folder)
            try:
                check_opened(folder, recorded.days, state)
            except Exception as error:
                raise AssertionError(f"seed {seed}, power cut after change {state.at}: {error}") from error
    return len(different)


def check_opened(folder: Path, days: Sequence[Day], state: CrashState) -> None:
    """Open the database: all that was acknowledged is there; when devices send again, everything is, once."""
    hall = Hall(folder)
    try:
        told = {(t[1], t[2]) for t in state.told if t[0] == "told"}
        assert not told - set(_taken(folder)), "what was acknowledged is lost"
        everything: set[tuple[str, str]] = set()
        for day in days:
            everything |= {(day.kiosk.name, event_id) for event_id, _ in day.order}
            day.kiosk.boot += 1  # what it sends is older than this boot
            hall.enter(day.kiosk)
            hall.hear(*day.kiosk.frames())
        taken = Counter(_taken(folder))
        assert set(taken) == everything, "not everything arrives"
        assert set(taken.values()) == {1}, "an event is there twice"
        assert not hall.fences(), "an innocent device is fenced"
        _check_books(folder, days)
    finally:
        hall.writer.close()


def _taken(folder: Path) -> list[tuple[str, str]]:
    with reading(sqlite_url(folder / "hub.db")) as connection:
        rows = connection.execute(select(inbox.c.device, inbox.c.event_id))
        return [(row.device, row.event_id) for row in rows]


def _check_books(folder: Path, days: Sequence[Day]) -> None:
    with reading(sqlite_url(folder / "hub.db")) as connection:
        report = audit(connection)
        assert report.is_clean, "the books do not balance"
        payments = sum(day.payments for day in days)
        assert report.entries == payments, "payments are missing in the books, or there twice"
        work = connection.execute(select(outgoing.c.id)).fetchall()
        assert len(work) == sum(len(day.order) for day in days), "work for the core is missing or doubled"
        for table in (loss_record, quarantine, exception):
            rows = connection.execute(select(table)).fetchall()
            assert not rows, f"{table.name} is not empty: {rows}"
