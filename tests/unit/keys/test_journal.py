"""The key registry's file: cut at every byte, flipped at every byte, lost, diverged, full, and shared."""

import resource
import shutil
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path

import pytest

from hub.keys import journal as journal_module
from hub.keys.files import SecondCopyError
from hub.keys.journal import Journal, JournalBusyError, JournalDamagedError, JournalWriteError
from shared.adapters import durable_files
from tests.support.cuts import restore, states_during

BODIES = tuple(b'{"n":%d,"say":"something of some length"}' % n for n in range(4))
NAME = "registry.jsonl"


@pytest.fixture
def first(tmp_path: Path) -> Path:
    return tmp_path / "keys"


@pytest.fixture
def copy(tmp_path: Path) -> Path:
    return tmp_path / "copy"


def write(first: Path, copy: Path | None, bodies: tuple[bytes, ...] = BODIES) -> None:
    Journal.create(first, copy, bodies[0])
    journal, present = Journal.open(first, copy)
    for body in bodies[len(present) :]:
        journal.append(body, must_be_copied=True)
    journal.close()


def read(first: Path, copy: Path | None) -> tuple[tuple[bytes, ...], tuple[str, ...]]:
    journal, bodies = Journal.open(first, copy)
    journal.close()
    return bodies, journal.notes


@contextmanager
def files_at_most(size: int) -> Generator[None]:
    """A disk on which no file can grow beyond a size."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


def test_reopened_holds_what_was_appended_and_both_copies_are_equal(first: Path, copy: Path) -> None:
    write(first, copy)
    assert read(first, copy) == (BODIES, ())
    assert (first / NAME).read_bytes() == (copy / NAME).read_bytes()
    assert (first / NAME).stat().st_mode & 0o777 == 0o600
    assert (copy / NAME).stat().st_mode & 0o777 == 0o600


def test_cut_at_every_byte_of_the_last_line_keeps_the_lines_before_and_says_so(first: Path) -> None:
    write(first, None)
    whole = (first / NAME).read_bytes()
    begins = whole[:-1].rfind(b"\n") + 1
    for length in range(begins + 1, len(whole)):
        (first / NAME).write_bytes(whole[:length])
        bodies, notes = read(first, None)
        assert bodies == BODIES[:3], length
        assert "power cut" in notes[0]
        write(first, None)
        assert read(first, None) == (BODIES, ())


def test_zeros_where_a_block_never_arrived_are_a_torn_line(first: Path) -> None:
    write(first, None)
    with (first / NAME).open("ab") as file:
        file.write(bytes(300) + b'"}\n')
    bodies, notes = read(first, None)
    assert bodies == BODIES
    assert "power cut" in notes[0]


@pytest.mark.parametrize("bit", [0, 3, 5])
def test_flipped_bit_anywhere_refuses_the_start_and_drops_nothing(first: Path, bit: int) -> None:
    write(first, None)
    whole = (first / NAME).read_bytes()
    for at in range(len(whole)):
        damaged = bytearray(whole)
        damaged[at] ^= 1 << bit
        (first / NAME).write_bytes(damaged)
        with pytest.raises(JournalDamagedError, match="second copy"):
            read(first, None)
        assert (first / NAME).read_bytes() == damaged


@pytest.mark.parametrize("which", ["first", "copy"])
def test_flipped_bit_in_one_copy_is_healed_from_the_other_and_kept_aside(
    first: Path, copy: Path, which: str
) -> None:
    write(first, copy)
    damaged_folder = {"first": first, "copy": copy}[which]
    whole = (first / NAME).read_bytes()
    for at in range(0, len(whole), 7):
        damaged = bytearray(whole)
        damaged[at] ^= 1
        (damaged_folder / NAME).write_bytes(damaged)
        bodies, notes = read(first, copy)
        assert bodies == BODIES
        assert len(notes) == 1
        assert (first / NAME).read_bytes() == (copy / NAME).read_bytes() == whole
    kept = list(damaged_folder.glob(f"{NAME}.superseded-*"))
    assert len(kept) == len(range(0, len(whole), 7))


def test_both_copies_damaged_refuse_the_start(first: Path, copy: Path) -> None:
    write(first, copy)
    for folder, at in ((first, 20), (copy, 90)):
        damaged = bytearray((folder / NAME).read_bytes())
        damaged[at] ^= 1
        (folder / NAME).write_bytes(damaged)
    with pytest.raises(JournalDamagedError):
        read(first, copy)


def test_copy_damaged_beyond_the_end_of_a_shortened_first_refuses_the_start(first: Path, copy: Path) -> None:
    """The first was put back from a backup, and what it lacks is illegible in the copy: nobody may guess."""
    write(first, copy)
    lines = (first / NAME).read_bytes().splitlines(keepends=True)
    (first / NAME).write_bytes(b"".join(lines[:2]))
    damaged = bytearray(b"".join(lines))
    damaged[30] ^= 1
    (copy / NAME).write_bytes(damaged)
    with pytest.raises(JournalDamagedError):
        read(first, copy)


@pytest.mark.sentence("K-5")
@pytest.mark.parametrize("lines_left", [0, 1, 3])
def test_first_rolled_back_is_brought_up_from_the_copy(first: Path, copy: Path, lines_left: int) -> None:
    write(first, copy)
    lines = (first / NAME).read_bytes().splitlines(keepends=True)
    (first / NAME).write_bytes(b"".join(lines[:lines_left]))
    bodies, notes = read(first, copy)
    assert bodies == BODIES
    assert len(notes) == 1
    assert (first / NAME).read_bytes() == b"".join(lines)


@pytest.mark.parametrize("which", ["first", "copy"])
def test_one_copy_missing_is_written_anew_and_said(first: Path, copy: Path, which: str) -> None:
    write(first, copy)
    shutil.rmtree({"first": first, "copy": copy}[which])
    bodies, notes = read(first, copy)
    assert bodies == BODIES
    assert "missing" in notes[0]


def test_both_missing_refuse_the_start(first: Path, copy: Path) -> None:
    with pytest.raises(JournalDamagedError, match="set the hub up"):
        read(first, copy)


def test_diverged_copies_longer_wins_and_the_other_is_kept(first: Path, copy: Path) -> None:
    write(first, copy, BODIES[:2])
    shutil.copytree(copy, copy.with_name("old"))
    write(first, copy, BODIES)
    shutil.rmtree(copy)
    copy.with_name("old").rename(copy)
    other = (BODIES[0], BODIES[1], b'{"another":"life"}')
    shutil.copytree(copy, copy.with_name("elsewhere"))
    write(copy.with_name("elsewhere"), None, other)
    shutil.copy(copy.with_name("elsewhere") / NAME, copy / NAME)
    superseded = (copy / NAME).read_bytes()
    bodies, notes = read(first, copy)
    assert bodies == BODIES
    assert "differed" in notes[0]
    assert (copy / f"{NAME}.superseded-1").read_bytes() == superseded


def test_open_twice_refuses_the_second(first: Path) -> None:
    write(first, None)
    journal, _ = Journal.open(first, None)
    with pytest.raises(JournalBusyError, match="Ask it"):
        Journal.open(first, None)
    journal.close()
    read(first, None)


def test_copy_away_stops_what_must_be_copied_and_lets_a_fence_through(first: Path, copy: Path) -> None:
    write(first, copy, BODIES[:2])
    journal, _ = Journal.open(first, copy)
    copy.rename(copy.with_name("away"))
    with pytest.raises(SecondCopyError, match="mount"):
        journal.append(BODIES[2], must_be_copied=True)
    journal.append(BODIES[2], must_be_copied=False)
    assert journal.copy_is_behind
    copy.with_name("away").rename(copy)
    journal.append(BODIES[3], must_be_copied=True)
    assert not journal.copy_is_behind
    journal.close()
    assert (first / NAME).read_bytes() == (copy / NAME).read_bytes()
    assert read(first, copy) == (BODIES, ())


def test_disk_full_in_the_middle_of_a_line_leaves_both_copies_as_they_were(first: Path, copy: Path) -> None:
    write(first, copy, BODIES[:2])
    before = (first / NAME).read_bytes()
    journal, _ = Journal.open(first, copy)
    with files_at_most(len(before) + 10), pytest.raises((JournalWriteError, SecondCopyError)):
        journal.append(BODIES[2], must_be_copied=True)
    with files_at_most(len(before) + 10), pytest.raises(JournalWriteError):
        journal.append(BODIES[2], must_be_copied=False)
    assert (first / NAME).read_bytes() == before
    journal.append(BODIES[2], must_be_copied=True)
    journal.close()
    assert read(first, copy) == (BODIES[:3], ())


def test_file_changed_by_somebody_else_is_not_written_over(first: Path) -> None:
    write(first, None, BODIES[:2])
    journal, _ = Journal.open(first, None)
    with (first / NAME).open("ab") as file:
        file.write(b"notes of an administrator\n")
    with pytest.raises(JournalWriteError):
        journal.append(BODIES[2], must_be_copied=True)
    journal.close()
    assert (first / NAME).read_bytes().endswith(b"notes of an administrator\n")


def test_first_that_fails_takes_back_what_the_copy_took(first: Path, copy: Path) -> None:
    write(first, copy, BODIES[:2])
    before = (copy / NAME).read_bytes()
    journal, _ = Journal.open(first, copy)
    (first / NAME).rename(first / "moved")
    with pytest.raises(JournalWriteError, match="repeat"):
        journal.append(BODIES[2], must_be_copied=True)
    assert (copy / NAME).read_bytes() == before
    (first / "moved").rename(first / NAME)
    journal.append(BODIES[2], must_be_copied=True)
    journal.close()
    assert read(first, copy) == (BODIES[:3], ())


def test_cut_between_any_two_steps_of_an_append_opens_with_the_line_or_without_it(
    tmp_path: Path, first: Path, copy: Path
) -> None:
    write(first, copy, BODIES[:2])
    journal, _ = Journal.open(first, copy)
    states = states_during(
        tmp_path, lambda: journal.append(BODIES[2], must_be_copied=True), [journal_module, durable_files]
    )
    journal.close()
    assert len(states) >= 3
    seen = list[int]()
    for number, state in enumerate(states):
        where = tmp_path.with_name(f"{tmp_path.name}-{number}")
        restore(state, where)
        bodies, _ = read(where / "keys", where / "copy")
        assert bodies == BODIES[: len(bodies)]
        seen.append(len(bodies))
        shutil.rmtree(where)
    assert seen == sorted(seen)
    assert set(seen) == {2, 3}


def test_cut_between_any_two_steps_of_healing_heals_again(tmp_path: Path, first: Path, copy: Path) -> None:
    write(first, copy)
    damaged = bytearray((first / NAME).read_bytes())
    damaged[25] ^= 1
    (first / NAME).write_bytes(damaged)
    states = states_during(tmp_path, lambda: read(first, copy), [journal_module, durable_files])
    for number, state in enumerate(states):
        where = tmp_path.with_name(f"{tmp_path.name}-{number}")
        restore(state, where)
        assert read(where / "keys", where / "copy")[0] == BODIES
        shutil.rmtree(where)
