"""Room: what gives way when the disk or the quota runs out, how much of it, and what is said of it."""

from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass, replace
from pathlib import Path

import pytest

from shared.adapters.outbox import DiskFullError, Outbox, OutboxLimits
from shared.adapters.outbox.ballast import Ballast
from shared.adapters.outbox.disk import Disk
from shared.adapters.outbox.lane import Lane
from shared.adapters.outbox.loading import open_file
from shared.adapters.outbox.room import Room
from shared.adapters.outbox.schema import seq_of
from shared.model.event import Stream
from shared.protocol import limits
from tests.support.outbox import DEVICE, take_many

PAGE = 4096
NEED = 2 * 512 * 1024
"""What must be free within the file while there is no ballast."""
NO_SPACE_FOR = 1 << 60
ACKED_MS = 5_000


@dataclass(frozen=True, slots=True)
class House:
    """An outbox's parts, opened without it: lines of `cases`, all acknowledged at one time."""

    disk: Disk
    lanes: dict[Stream, Lane]
    file: Path

    @property
    def base(self) -> int:
        return self.lanes[Stream.CASES].epochs[0].base

    def room(self, *, ballast: int = 0, quota: int = 1 << 40) -> Room:
        return Room(self.disk, Ballast(self.file.with_name("ballast"), ballast), self.lanes, quota)

    def full(self) -> None:
        (pages,) = self.disk.execute("PRAGMA page_count").fetchone()
        self.disk.execute(f"PRAGMA max_page_count={pages}").fetchall()


def begun(file: Path, count: int, text: str, acked: int | None = None) -> Iterator[House]:
    bounds = OutboxLimits(ballast_bytes=0)
    with Outbox(file, DEVICE, bounds) as outbox:
        epoch = take_many(outbox, Stream.TELEMETRY if text == "" else Stream.CASES, count, text)[0].epoch
        outbox.flush()
        stream = Stream.TELEMETRY if text == "" else Stream.CASES
        if acked is None or acked:
            outbox.acknowledge(stream, epoch, count if acked is None else acked, now_ms=ACKED_MS)
    disk, contents, _ = open_file(file, DEVICE, limits.LANE_BYTES)
    with closing(disk):
        yield House(disk, contents.lanes, file)


@pytest.fixture
def house(file: Path) -> Iterator[House]:
    yield from begun(file, 1_000, "x" * 3_000)


@pytest.fixture
def unanswered(file: Path) -> Iterator[House]:
    yield from begun(file, 20, "x" * 3_000, acked=0)


# ---- before an append


def test_append_with_its_ballast_asks_for_nothing(unanswered: House) -> None:
    unanswered.room(ballast=0).check_before_append()
    room = unanswered.room(ballast=PAGE)
    room.check_before_append()
    assert unanswered.file.with_name("ballast").exists()


def test_append_without_ballast_takes_just_the_room_that_it_needs(house: House) -> None:
    house.room(ballast=NO_SPACE_FOR).check_before_append()
    free = house.disk.free_pages() * PAGE
    assert NEED <= free < NEED + 200 * 3_500
    assert 200 < house.base < 500
    before = house.base
    house.room(ballast=NO_SPACE_FOR).check_before_append()
    assert house.base == before


def test_append_without_ballast_and_with_nothing_to_let_go_is_refused(unanswered: House) -> None:
    with pytest.raises(DiskFullError):
        unanswered.room(ballast=NO_SPACE_FOR).check_before_append()
    assert unanswered.base == 0


class Counted(Disk):
    """A file with so many free pages."""

    pages = 0

    def free_pages(self) -> int:
        return self.pages


@pytest.mark.parametrize(("pages", "enough"), [(256, True), (255, False)])
def test_append_without_ballast_needs_a_megabyte_within_the_file(
    file: Path, pages: int, enough: bool
) -> None:
    with closing(Counted.open(file)) as disk:
        disk.pages = pages
        room = Room(disk, Ballast(file.with_name("ballast"), NO_SPACE_FOR), {}, 0)
        if enough:
            room.check_before_append()
        else:
            with pytest.raises(DiskFullError):
                room.check_before_append()


def test_append_that_found_the_disk_full_lets_a_hundred_lines_go(house: House) -> None:
    house.disk.commit([("DELETE FROM gap", ())], durable=False, grows=1 << 30)
    house.room().after_full_append()
    assert (house.base, house.disk.checkpoint_due) == (100, False)


def test_append_that_found_the_disk_full_with_nothing_to_let_go_is_refused(unanswered: House) -> None:
    with pytest.raises(DiskFullError):
        unanswered.room().after_full_append()


# ---- spending


@dataclass
class Write:
    """A write that finds the disk full so many times."""

    disk: Disk
    full: int
    tried: int = 0

    def __call__(self) -> str:
        self.tried += 1
        if self.tried <= self.full or self.disk.checkpoint_due:
            raise DiskFullError(DiskFullError.__doc__)
        return "written"


def test_write_that_finds_room_spends_nothing(house: House) -> None:
    room = house.room(ballast=PAGE)
    room.check_before_append()
    assert room.spend(Write(house.disk, 0)) == "written"
    assert house.file.with_name("ballast").exists()


def test_write_that_finds_none_gets_the_ballasts_and_the_logs(house: House) -> None:
    room = house.room(ballast=PAGE)
    room.check_before_append()
    house.disk.commit([("DELETE FROM gap", ())], durable=False, grows=1 << 30)
    write = Write(house.disk, 1)
    assert room.spend(write) == "written"
    assert write.tried == 2
    assert not house.file.with_name("ballast").exists()


def test_write_that_finds_none_even_then_is_refused(house: House) -> None:
    with pytest.raises(DiskFullError):
        house.room(ballast=PAGE).spend(Write(house.disk, 2))


# ---- the quota


def test_file_within_its_quota_is_left_alone(house: House) -> None:
    assert not house.room(quota=house.disk.used_bytes()).relieve()
    assert house.base == 0


def test_file_above_its_quota_lets_go_until_it_is_within(house: House) -> None:
    quota = house.disk.used_bytes() - 100 * PAGE
    assert not house.room(quota=quota).relieve()
    assert house.disk.used_bytes() <= quota
    assert 0 < house.base < 400


def test_file_above_its_quota_with_nothing_to_let_go_is_done(unanswered: House) -> None:
    assert not unanswered.room(quota=0).relieve()
    assert unanswered.base == 0


def test_much_above_the_quota_is_let_go_in_turns(file: Path) -> None:
    for house in begun(file, 6_450, ""):
        room = house.room(quota=0)
        lane = house.lanes[Stream.TELEMETRY]
        assert room.relieve()
        assert lane.epochs[0].base == 6_400
        assert not room.relieve()
        assert lane.epochs[0].base == 6_450


# ---- what is said of it


@pytest.mark.parametrize(
    ("now_ms", "keep_ms", "said"),
    [
        (ACKED_MS + 10, 1_000, {Stream.CASES: 10}),
        (ACKED_MS + 999, 1_000, {Stream.CASES: 999}),
        (ACKED_MS + 1_000, 1_000, {}),
        (ACKED_MS - 1, 1_000, {Stream.CASES: 0}),
    ],
)
def test_what_went_early_is_said_once_with_how_long_it_was_kept(
    house: House, now_ms: int, keep_ms: int, said: dict[Stream, int]
) -> None:
    room, lane = house.room(), house.lanes[Stream.CASES]
    assert room.shed(lane, lane.epochs[0].last_place)
    assert house.base == 100
    assert room.take_shortened(now_ms, keep_ms) == said
    assert room.take_shortened(now_ms, keep_ms) == {}


def test_what_went_early_is_as_old_as_its_own_acknowledgement(house: House) -> None:
    room, lane = house.room(), house.lanes[Stream.CASES]
    (point,) = lane.points
    first = lane.epochs[0].first_place
    lane.points = [replace(point, place=first + 100, at_ms=1_000), replace(point, number=2)]
    assert room.shed(lane, lane.watermark)
    assert house.base == 100
    assert room.take_shortened(ACKED_MS, 1 << 40) == {Stream.CASES: ACKED_MS - 1_000}
    assert room.shed(lane, lane.watermark)
    assert room.take_shortened(ACKED_MS, 1 << 40) == {Stream.CASES: 0}


def test_nothing_goes_early_that_is_not_acknowledged(unanswered: House) -> None:
    room, lane = unanswered.room(), unanswered.lanes[Stream.CASES]
    assert not room.shed(lane, lane.epochs[0].last_place)
    assert room.take_shortened(ACKED_MS, 1_000) == {}
    assert seq_of(lane.epochs[0].last_place) == 20
