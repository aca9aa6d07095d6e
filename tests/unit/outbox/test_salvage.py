"""Salvage: what a broken file still gives, and in which order the files change hands."""

from collections.abc import Callable, Mapping
from pathlib import Path

import pytest

from shared.adapters.outbox import Outbox, OutboxLimits
from shared.model.event import Stream
from tests.support.outbox import DEVICE, held, take_many

PAGE = 4096
PAGE_COUNT = range(28, 32)
"""Where the file says how many pages it has (sqlite.org/fileformat2.html#in_header_database_size)."""


def opened(file: Path) -> Outbox:
    return Outbox(file, DEVICE, OutboxLimits(ballast_bytes=0))


def lines_of(outbox: Outbox) -> int:
    return sum(len(held(outbox, Stream.CASES, v.epoch).lines) for v in outbox.epochs(Stream.CASES))


def stopped(file: Path) -> Mapping[str, bytes]:
    """The files of an owner that ended in order."""
    with opened(file) as outbox:
        take_many(outbox, Stream.CASES, 60, "x" * 300)
    return {file.name: file.read_bytes()}


def killed(file: Path) -> Mapping[str, bytes]:
    """The files of an owner that was killed with a log that it had begun anew."""
    stopped(file)
    with opened(file) as outbox:
        take_many(outbox, Stream.CASES, 3)
        return {each.name: each.read_bytes() for each in file.parent.iterdir()}


@pytest.mark.sentence("L-9")
@pytest.mark.parametrize("state", [stopped, killed])
def test_flipped_bit_in_the_files_count_of_its_pages_costs_no_line(
    file: Path, state: Callable[[Path], Mapping[str, bytes]]
) -> None:
    files = state(file)
    with opened(file) as outbox:
        there = lines_of(outbox)
    low, high = PAGE_COUNT[-1], PAGE_COUNT[0]
    for at, bit in [*((low, bit) for bit in range(8)), (high, 7)]:
        for each in file.parent.iterdir():
            each.unlink()
        for name, content in files.items():
            file.with_name(name).write_bytes(content)
        spoilt = bytearray(files[file.name])
        spoilt[at] ^= 1 << bit
        file.write_bytes(spoilt)
        with opened(file) as outbox:
            assert outbox.salvaged
            assert lines_of(outbox) == there, f"bit {bit} of byte {at}"
        with opened(file) as outbox:
            assert not outbox.salvaged
