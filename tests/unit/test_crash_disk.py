"""The disk of the proofs: what a sync makes sure, and what it cannot."""

from collections.abc import Sequence
from random import Random

from tests.support.crash_disk import CrashDisk
from tests.support.disk_trace import Change, Made, Removed, Synced, Written

CUTS = 200


def images(changes: Sequence[Change], name: str = "a") -> set[bytes | None]:
    """What a file may hold after power cuts."""
    disk, random = CrashDisk({}), Random(1)
    for change in changes:
        disk.take(change)
    return {disk.after_cut(random).get(name) for _ in range(CUTS)}


def made(*more: Change) -> list[Change]:
    return [Made("a"), Synced("", good=True), *more]


def test_write_that_was_synced_is_there() -> None:
    assert images(made(Written("a", 0, b"one"), Synced("a", good=True))) == {b"one"}


def test_write_that_was_not_synced_may_be_missing() -> None:
    assert images(made(Written("a", 0, b"one"))) == {b"", b"one"}


def test_later_write_may_be_there_without_an_earlier_one() -> None:
    assert b"\0\0\0two" in images(made(Written("a", 0, b"one"), Written("a", 3, b"two")))


def test_write_over_two_sectors_may_be_torn() -> None:
    found = images(made(Written("a", 0, bytes(512) + b"x" * 512)))
    assert {bytes(512), bytes(512) + b"x" * 512} <= found


def test_sync_that_failed_leaves_a_doubt_that_a_later_sync_does_not_end() -> None:
    changes = made(Written("a", 0, b"one"), Synced("a", good=False), Synced("a", good=True))
    assert images(changes) == {b"", b"one"}


def test_write_that_is_written_again_and_synced_is_there() -> None:
    once = (Written("a", 0, b"one"), Synced("a", good=False))
    assert images(made(*once, Written("a", 0, b"one"), Synced("a", good=True))) == {b"one"}


def test_name_is_sure_when_the_folder_was_synced() -> None:
    assert images([Made("a"), Written("a", 0, b"x"), Synced("a", good=True)]) == {None, b"x"}
    assert images(made(Removed("a"))) == {None, b""}
    assert images(made(Removed("a"), Synced("", good=True))) == {None}
