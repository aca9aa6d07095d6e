"""Reading: limits of a run, and what a damaged file still gives."""

import os
import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest

from shared.adapters.outbox import (
    ForeignOutboxError,
    Outbox,
    OutboxInUseError,
    OutboxLimits,
)
from shared.model.event import Stream
from shared.protocol import chain
from shared.protocol.lines import GapReason
from tests.support.outbox import DEVICE, Taken, held, new_context, take, take_many
from tests.unit.outbox.conftest import Open

PAGE = 4096


def test_read_obeys_the_limit_of_lines(outbox: Outbox) -> None:
    epoch = take_many(outbox, Stream.CASES, 10)[0].epoch
    run = outbox.read(Stream.CASES, epoch, 3, 4, 65_536)
    assert (run.first, len(run.lines), run.next) == (3, 4, 7)


def test_read_obeys_the_limit_of_bytes_with_contexts(outbox: Outbox) -> None:
    epoch = outbox.slot(Stream.CASES).epoch
    for n in range(10):
        take(outbox, Stream.CASES, "x", context=new_context(f"c{n}"))
    run = outbox.read(Stream.CASES, epoch, 1, 200, 6_000)
    size = sum(len(line) + 1 for line in run.lines)
    size += sum(len(f'"{name}":"{sealed}",') for name, sealed in run.contexts.items())
    assert len(run.lines) == len(run.contexts) == 3
    assert 4_000 < size <= 6_000


def test_read_gives_one_line_however_small_the_limit(outbox: Outbox) -> None:
    epoch = take_many(outbox, Stream.CASES, 2, "x" * 900)[0].epoch
    assert len(outbox.read(Stream.CASES, epoch, 1, 1, 1).lines) == 1


def test_read_beyond_the_last_line_is_empty(outbox: Outbox) -> None:
    taken = take_many(outbox, Stream.CASES, 2)
    run = outbox.read(Stream.CASES, taken[0].epoch, 3, 10, 65_536)
    assert (run.first, run.lines, run.next) == (3, (), 3)
    assert run.prev == outbox.epochs(Stream.CASES)[0].head


def test_read_from_inside_a_gap_begins_with_the_gap(outbox: Outbox) -> None:
    epoch = outbox.slot(Stream.HEALTH).epoch
    for _ in range(5):
        take(outbox, Stream.HEALTH, key="k")
    run = outbox.read(Stream.HEALTH, epoch, 3, 10, 65_536)
    assert (run.first, len(run.lines), run.next) == (1, 2, 6)


def test_chain_at_is_told_for_every_number(outbox: Outbox) -> None:
    taken = take_many(outbox, Stream.CASES, 6)
    value = chain.genesis(DEVICE, Stream.CASES, taken[0].epoch)
    outbox.acknowledge(Stream.CASES, taken[0].epoch, 2, now_ms=0)
    outbox.expire(10**11)
    for t in taken:
        value = chain.link(value, t.line)
        told = outbox.chain_at(Stream.CASES, t.epoch, t.seq)
        assert told == (value if t.seq >= 2 else None)
    assert outbox.chain_at(Stream.CASES, taken[0].epoch, 7) is None


# ------------------------------------------------------------------------------------------ the owner


def test_open_elsewhere_is_refused_while_the_owner_lives(outbox: Outbox, file: Path) -> None:
    with pytest.raises(OutboxInUseError):
        Outbox(file, DEVICE)
    take(outbox, Stream.CASES)


def test_open_of_another_device_is_refused(open_outbox: Open, file: Path) -> None:
    open_outbox().close()
    with pytest.raises(ForeignOutboxError):
        Outbox(file, "kiosk-8")


# ------------------------------------------------------------------------------------------ damage


def stopped(open_outbox: Open, count: int = 60) -> list[Taken]:
    outbox = open_outbox()
    taken = [take(outbox, Stream.CASES, f"{n:03d}" + "x" * 300) for n in range(count)]
    outbox.close()
    return taken


def change(file: Path, sql: str, *parameters: object) -> None:
    with closing(sqlite3.connect(file)) as connection, connection:
        connection.execute(sql, parameters)


def flip(file: Path, where: bytes) -> None:
    content = bytearray(file.read_bytes())
    at = content.index(where)
    content[at] ^= 1
    file.write_bytes(content)


@pytest.mark.sentence("L-9")
def test_flipped_bit_in_a_line_is_a_gap_and_the_rest_goes_on(open_outbox: Open, file: Path) -> None:
    taken = stopped(open_outbox)
    flip(file, b"017xxx")
    outbox = open_outbox()
    found = held(outbox, Stream.CASES, taken[0].epoch)
    assert [(g.seq, g.gap_to, g.reason) for g in found.gaps] == [(18, 18, GapReason.CORRUPT)]
    assert found.lines == {t.seq: t.line for t in taken if t.seq != 18}
    assert outbox.damaged_lines == 1
    assert not outbox.salvaged


def test_flipped_bit_in_the_last_line_is_a_gap_up_to_the_head(open_outbox: Open, file: Path) -> None:
    taken = stopped(open_outbox)
    flip(file, b"059xxx")
    outbox = open_outbox()
    (gap,) = held(outbox, Stream.CASES, taken[0].epoch).gaps
    assert (gap.seq, gap.gap_to) == (60, 60)
    assert outbox.epochs(Stream.CASES)[0].last == 60


@pytest.mark.parametrize("where", [3, 18, 19, 115])
def test_flipped_bit_in_the_first_page_costs_no_line(open_outbox: Open, file: Path, where: int) -> None:
    """Header and table definitions stand there: without them nothing else could be read."""
    taken = stopped(open_outbox)
    content = bytearray(file.read_bytes())
    content[where] ^= 8
    file.write_bytes(content)
    outbox = open_outbox()
    assert outbox.salvaged
    assert len(held(outbox, Stream.CASES, taken[0].epoch).lines) == len(taken)


@pytest.mark.sentence("L-9")
@pytest.mark.parametrize(
    ("gone", "first", "last"), [("< 5", 1, 4), ("BETWEEN 20 AND 29", 20, 29), ("IN (7, 8)", 7, 8)]
)
def test_vanished_rows_are_a_gap_and_the_rest_goes_on(
    open_outbox: Open, file: Path, gone: str, first: int, last: int
) -> None:
    taken = stopped(open_outbox)
    change(file, f"DELETE FROM line_cases WHERE (place & 0xffffffff) {gone}")  # noqa: S608 (three constants)
    found = held(open_outbox(), Stream.CASES, taken[0].epoch)
    assert [(g.seq, g.gap_to, g.reason) for g in found.gaps] == [(first, last, GapReason.CORRUPT)]
    assert len(found.lines) == 60 - (last - first + 1)


def test_vanished_tail_lowers_last_and_the_watermark_and_no_number_comes_again(
    open_outbox: Open, file: Path
) -> None:
    outbox = open_outbox()
    taken = take_many(outbox, Stream.CASES, 30)
    outbox.acknowledge(Stream.CASES, taken[0].epoch, 28, now_ms=1)
    outbox.close()
    change(file, "DELETE FROM line_cases WHERE (place & 0xffffffff) > 20")
    outbox = open_outbox()
    view = outbox.epochs(Stream.CASES)[0]
    assert (view.last, view.acked) == (20, 20)
    assert take(outbox, Stream.CASES).epoch != taken[0].epoch


def test_epoch_whose_every_line_vanished_is_not_listed(open_outbox: Open, file: Path) -> None:
    stopped(open_outbox)
    change(file, "DELETE FROM line_cases")
    outbox = open_outbox()
    assert outbox.epochs(Stream.CASES) == ()
    take(outbox, Stream.CASES)
    assert len(outbox.epochs(Stream.CASES)) == 1


def garble_line_page(content: bytearray) -> None:
    page = content.index(b"030xxx") // PAGE * PAGE
    content[page : page + PAGE] = b"\xa5" * PAGE


def garble_half_the_file(content: bytearray) -> None:
    half = len(content) // 2 // PAGE * PAGE
    content[half:] = os.urandom(len(content) - half)


def test_garbage_page_costs_its_lines_and_the_rest_goes_on(open_outbox: Open, file: Path) -> None:
    taken = stopped(open_outbox)
    content = bytearray(file.read_bytes())
    garble_line_page(content)
    file.write_bytes(content)
    outbox = open_outbox()
    assert outbox.salvaged
    found = held(outbox, Stream.CASES, taken[0].epoch)
    assert len(found.gaps) == 1
    assert found.gaps[0].gap_to - found.gaps[0].seq < PAGE // 300
    assert all(found.lines[t.seq] == t.line for t in taken if t.seq in found.lines)
    assert file.with_name("outbox.db.damaged").read_bytes()[:16] == b"SQLite format 3\0"
    take(outbox, Stream.CASES)
    assert not open_outbox().salvaged


@pytest.mark.parametrize("spoil", [garble_half_the_file, bytearray.clear])
def test_file_beyond_saving_is_begun_anew_and_kept_for_a_technician(
    open_outbox: Open, file: Path, spoil: Callable[[bytearray], None]
) -> None:
    taken = stopped(open_outbox)
    content = bytearray(file.read_bytes())
    spoil(content)
    file.write_bytes(content)
    outbox = open_outbox()
    again = take(outbox, Stream.CASES)
    assert again.epoch != taken[0].epoch
    assert held(outbox, Stream.CASES, again.epoch).lines == {1: again.line}


def test_salvage_cut_short_is_finished_at_the_next_start(open_outbox: Open, file: Path) -> None:
    taken = stopped(open_outbox)
    whole = file.with_name("outbox.db.salvaged")
    file.rename(whole)
    file.write_bytes(b"not a database any more" * 400)
    file.with_name("outbox.db-wal").write_bytes(b"old log")
    found = held(open_outbox(), Stream.CASES, taken[0].epoch)
    assert len(found.lines) == len(taken)
    assert not whole.exists()
    assert file.with_name("outbox.db.damaged").exists()


@pytest.mark.sentence("L-7")
def test_opening_writes_the_log_again(file: Path) -> None:
    """What a failed sync left in memory alone becomes durable: the log is written, not only synced."""
    copy = file.with_name("copy.db")
    log = file.with_name("copy.db-wal")
    with Outbox(file, DEVICE, OutboxLimits(ballast_bytes=0)) as outbox:
        take_many(outbox, Stream.CASES, 3)
        copy.write_bytes(file.read_bytes())
        log.write_bytes(file.with_name("outbox.db-wal").read_bytes())
    before = log.read_bytes()
    os.utime(log, (1, 1))
    with Outbox(copy, DEVICE, OutboxLimits(ballast_bytes=0)):
        assert log.stat().st_mtime > 1
        assert log.read_bytes() == before
