"""Any bit of a stopped outbox may flip, any stretch of it may turn to garbage: the rest goes on."""

import sqlite3
from functools import cache
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from shared.adapters.outbox import Outbox, OutboxLimits
from shared.model.event import Stream
from tests.support.outbox import DEVICE, Taken, fast_folder, held, new_context, take

PAGE = 4096
LIVES = 3
LINES = 25


@cache
def stopped() -> tuple[bytes, tuple[Taken, ...]]:
    """A file that three lives have written, and what they took."""
    with fast_folder() as folder:
        taken: list[Taken] = []
        for life in range(LIVES):
            with opened(folder) as outbox:
                for n in range(LINES):
                    context = new_context(f"c{life}x{n}") if n % 9 == 0 else None
                    taken.append(take(outbox, Stream.CASES, "y" * 200, context=context))
                    taken.append(take(outbox, Stream.PAYMENTS, "z" * 500))
                    take(outbox, Stream.HEALTH, key="printer")
                outbox.acknowledge(
                    Stream.CASES, outbox.epochs(Stream.CASES)[0].epoch, LINES // 2, now_ms=1_000
                )
        return (folder / "outbox.db").read_bytes(), tuple(taken)


def opened(folder: Path) -> Outbox:
    return Outbox(folder / "outbox.db", DEVICE, OutboxLimits(ballast_bytes=0))


def survey(content: bytes) -> tuple[int, int]:
    """Open damaged bytes, read everything, take one line more; return lines still there and lines in all."""
    _, taken = stopped()
    expected = {(t.stream, t.epoch, t.seq): t.line for t in taken}
    found: dict[tuple[Stream, str, int], bytes] = {}
    with fast_folder() as folder:
        (folder / "outbox.db").write_bytes(content)
        with opened(folder) as outbox:
            known = {v.epoch for s in Stream if s is not Stream.LOG for v in outbox.epochs(s)}
            more = take(outbox, Stream.CASES)
            assert more.epoch not in known
            for stream in (Stream.PAYMENTS, Stream.CASES, Stream.HEALTH):
                for view in outbox.epochs(stream):
                    for seq, line in held(outbox, stream, view.epoch).lines.items():
                        found[stream, view.epoch, seq] = line
        with opened(folder) as outbox:
            assert not outbox.salvaged
            assert held(outbox, Stream.CASES, more.epoch).lines == {1: more.line}
    for at, line in expected.items():
        assert found.get(at, line) == line, "another line came back"
    return sum(1 for at in expected if at in found), len(expected)


@pytest.mark.sentence("L-9")
@settings(max_examples=100, deadline=None)
@given(st.data())
def test_flipped_bit_anywhere_costs_little_and_never_gives_another_line(data: st.DataObject) -> None:
    content = bytearray(stopped()[0])
    at = data.draw(st.integers(0, len(content) * 8 - 1), label="bit")
    content[at // 8] ^= 1 << at % 8
    there, total = survey(bytes(content))
    if at // 8 not in heads():
        assert there >= total - PAGE // 100, f"{there} of {total} left"


@cache
def heads() -> frozenset[int]:
    """The dozen bytes that head each table's first page.

    A flip there may cost the table. The outbox opens all the same, takes lines, and gives back no other line.
    """
    content = bytearray(stopped()[0])
    content[18:20] = b"\1\1"  # not in WAL mode: a database in memory has no log
    connection = sqlite3.connect(":memory:")
    connection.deserialize(bytes(content))
    roots = [root for (root,) in connection.execute("SELECT rootpage FROM sqlite_master WHERE rootpage > 0")]
    connection.close()
    return frozenset((root - 1) * PAGE + byte for root in roots for byte in range(12))


@settings(max_examples=30, deadline=None)
@given(st.data())
def test_garbage_anywhere_never_stops_the_rest(data: st.DataObject) -> None:
    content = bytearray(stopped()[0])
    first = data.draw(st.integers(0, len(content) // PAGE - 1), label="page")
    pages = data.draw(st.integers(1, 4), label="pages")
    garbage = data.draw(st.sampled_from([b"\0", b"\xff", b"\x05", b"\xa7"]))
    stretch = content[first * PAGE : (first + pages) * PAGE]
    content[first * PAGE : (first + pages) * PAGE] = garbage * len(stretch)
    survey(bytes(content))


def test_undamaged_file_has_everything() -> None:
    there, total = survey(stopped()[0])
    assert there == total == 2 * LIVES * LINES
